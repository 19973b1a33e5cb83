"""The x axis of a chart: windows of equal buckets that change seldom, so that old columns stay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_SMALLEST_BUCKET = 2.0**-10
"""About a millisecond: nothing on the x axis is finer."""


@dataclass(frozen=True)
class Window:
    """The stretch of the x axis that a chart shows: `columns` buckets of one width."""

    start: float
    bucket: float
    columns: int

    @property
    def end(self) -> float:
        """The x value at which the window ends, itself outside."""
        return self.start + self.bucket * self.columns

    def column(self, x: float) -> int:
        """Return the column of an x value; outside the window it is below 0 or above the last."""
        return math.floor((x - self.start) / self.bucket)


def bucket_for(span: float, columns: int) -> float:
    """Return the smallest of 2^k and 1.5 · 2^k so that `columns` buckets hold `span`.

    At least two thirds of a chart are then in use, and a growing run redraws it seldom.
    """
    if columns <= 0 or span <= _SMALLEST_BUCKET:
        return 1.0
    power = max(2.0 ** math.floor(math.log2(span / columns)), _SMALLEST_BUCKET)
    sizes = (power, 1.5 * power, 2 * power, 3 * power)
    return next(size for size in sizes if size * columns >= span)


def window_for(
    first: float, last: float, columns: int, zoom: int = 0, start: float | None = None
) -> Window:
    """Return the window of a chart whose data reach from `first` to `last`.

    Without zoom it starts at the origin and its bucket grows when it is full: old columns never
    change. Zoomed in and following (`start` is None) it moves on by half its width, so that most
    new rows touch one column only.
    """
    # Step 1 and time 0 both show the origin; a run that begins later begins at the left edge.
    origin = 0.0 if first <= 1.0 else float(math.floor(first))
    # The next number after the newest x: the window's end is outside.
    whole = bucket_for(np.nextafter(last - origin, np.inf), columns)
    bucket = max(whole / 2.0**zoom, _SMALLEST_BUCKET)
    if start is not None:
        return Window(math.floor(start / bucket) * bucket, bucket, columns)
    half = bucket * columns / 2
    moved = max(math.floor((last - origin) / half) - 1, 0) * half
    return Window(origin + moved, bucket, columns)
