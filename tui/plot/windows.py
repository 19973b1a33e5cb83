"""The x axis of a chart: windows of equal buckets that change seldom, so that old columns stay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

_SMALLEST_BUCKET = 2.0**-10
"""About a millisecond: nothing on the x axis is finer."""
_FITTED_BITS = 12
"""Binary digits of a bucket that fits: exact to a tenth of a column of 400."""


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
    """Return the smallest of 1, 9/8, 10/8 … 15/8 · 2^k so that `columns` buckets hold `span`.

    A growing run then leaves at most a ninth of a chart blank, and redraws it eight times while it
    doubles.
    """
    if columns <= 0 or span <= _SMALLEST_BUCKET:
        return 1.0
    power = max(2.0 ** math.floor(math.log2(span / columns)), _SMALLEST_BUCKET)
    sizes = (power * eighths / 8 for eighths in range(8, 17))
    return next((size for size in sizes if size * columns >= span), 2 * power)


def fitted_bucket(span: float, columns: int) -> float:
    """Return a bucket so that `span` ends in the last column, in few binary digits.

    Edges of buckets are then exact, however they are computed.
    """
    if columns <= 0 or span <= _SMALLEST_BUCKET:
        return 1.0
    unit = 2.0 ** (math.floor(math.log2(span / columns)) - _FITTED_BITS)
    return max(math.ceil(span / columns / unit) * unit, _SMALLEST_BUCKET)


def window_for(
    first: float,
    last: float,
    columns: int,
    zoom: int = 0,
    start: float | None = None,
    ended: bool = False,
) -> Window:
    """Return the window of a chart whose data reach from `first` to `last`.

    Without zoom it starts at the origin and its bucket grows when it is full: old columns never
    change. Zoomed in and following (`start` is None) it moves on by an eighth of its width, so that
    most new rows touch one column only. Where the run has `ended` it ends with the data.
    """
    # Step 1 and time 0 both show the origin; a run that begins later begins at the left edge.
    origin = 0.0 if 0.0 <= first <= 1.0 else float(math.floor(first))
    # The next number after the newest x: the window's end is outside.
    span = float(np.nextafter(last - origin, np.inf))
    whole = fitted_bucket(span, columns) if ended else bucket_for(span, columns)
    bucket = max(whole / 2.0**zoom, _SMALLEST_BUCKET)
    if start is not None:
        return Window(math.floor(start / bucket) * bucket, bucket, columns)
    # in whole buckets, so that a column of one window is a column of the next
    beyond = max(math.floor((last - origin) / bucket) + 1 - columns, 0) if zoom else 0
    pace = 1 if ended else max(columns // 8, 1)
    return Window(origin + -(-beyond // pace) * pace * bucket, bucket, columns)
