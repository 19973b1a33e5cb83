"""The x axis of a chart: windows of buckets whose width is a power of two, so that old columns never change."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Window:
    """The part of the x axis that a chart shows: `columns` buckets of one width."""

    start: float
    bucket: float
    columns: int

    @property
    def end(self) -> float:
        return self.start + self.bucket * self.columns

    def column(self, x: float) -> int:
        return math.floor((x - self.start) / self.bucket)

    def middle(self, column: int) -> float:
        return self.start + (column + 0.5) * self.bucket


def bucket_for(span: float, columns: int) -> float:
    """The smallest of 2^k and 1.5 · 2^k so that `columns` buckets hold `span`: at least two thirds of a chart are in use."""
    if columns <= 0 or span <= 2.0**-10:
        return 1.0
    power = 2.0 ** max(math.floor(math.log2(span / columns)), -10)
    return next(
        size for size in (power, 1.5 * power, 2 * power, 3 * power) if size * columns >= span
    )


def window_for(
    first: float, last: float, columns: int, zoom: int = 0, start: float | None = None
) -> Window:
    """The window of a chart whose data reach from `first` to `last`.

    Without zoom it starts at the origin and its bucket doubles when it is full: old columns never change. Zoomed in and
    following (`start` is None) it moves on by half its width, so that most new rows touch one column only.
    """
    origin = 0.0 if first <= 1.0 else float(math.floor(first))
    whole = bucket_for(np.nextafter(last - origin, np.inf), columns)
    bucket = max(whole / 2.0**zoom, 2.0**-10)
    if start is not None:
        return Window(math.floor(start / bucket) * bucket, bucket, columns)
    half = bucket * columns / 2
    moved = max(math.floor((last - origin) / half) - 1, 0) * half
    return Window(origin + moved, bucket, columns)
