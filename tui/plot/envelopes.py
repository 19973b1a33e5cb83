"""What a series looks like in a window: the extremes of every bucket, so that no spike is lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.windows import Window

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Envelope:
    """What one series looks like in a window: per column the extremes, the first and last value, and whether some are not finite.

    NaN stands in columns without a finite value.
    """

    low: Floats
    high: Floats
    first: Floats
    last: Floats
    bad: Flags

    @property
    def filled(self) -> Flags:
        return ~np.isnan(self.low)

    def cut(self, begin: int, end: int | None = None) -> Envelope:
        """The columns from `begin` to `end`."""
        part = slice(begin, end)
        return Envelope(
            self.low[part], self.high[part], self.first[part], self.last[part], self.bad[part]
        )


def empty_envelope(columns: int) -> Envelope:
    blank = np.full(columns, np.nan)
    return Envelope(blank, blank.copy(), blank.copy(), blank.copy(), np.zeros(columns, dtype=bool))


def envelope(x: Floats, y: Floats, window: Window) -> Envelope:
    """Minimum and maximum per bucket, so that a spike of one row survives any decimation. `x` must not decrease."""
    result = empty_envelope(window.columns)
    begin, end = (int(row) for row in np.searchsorted(x, [window.start, window.end]))
    if begin < end:
        _fill(result, x[begin:end], y[begin:end], window)
    return result


def extended(known: Envelope, x: Floats, y: Floats, window: Window) -> Envelope:
    """The envelope with the columns that these newest rows lie in worked out anew; further to the right there is nothing."""
    result = Envelope(
        known.low.copy(), known.high.copy(), known.first.copy(), known.last.copy(), known.bad.copy()
    )
    inside = len(x) if x[-1] < window.end else int(np.searchsorted(x, window.end))
    if inside:
        _fill(result, x[:inside], y[:inside], window)
    return result


def _fill(result: Envelope, x: Floats, y: Floats, window: Window) -> None:
    column = np.minimum(((x - window.start) / window.bucket).astype(np.int64), window.columns - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    filled = column[starts]
    usable = np.where(np.isinf(y), np.nan, y)
    result.low[filled] = np.fmin.reduceat(usable, starts)
    result.high[filled] = np.fmax.reduceat(usable, starts)
    result.first[filled] = usable[starts]
    result.last[filled] = usable[np.append(starts[1:], len(y)) - 1]
    result.bad[filled] = np.logical_or.reduceat(np.isnan(usable), starts)
