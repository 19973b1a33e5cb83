"""What a series looks like in a window: the extremes of every bucket, so that no spike is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tui.plot.windows import Window

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


class EnvelopeCache:
    """The envelope of a growing series: a new row costs the last column, not the series."""

    def __init__(self) -> None:
        self._key: Any = None
        self._rows = 0
        self._kept = empty_envelope(0)

    def update(self, x: Floats, y: Floats, window: Window, key: object = None) -> Envelope:
        """The envelope of `y` in `window`. `key` names the series: rows seen before must not have changed under the same key."""
        same = self._key == (window, key) and len(x) >= self._rows
        if not same or self._rows == 0:
            self._kept = envelope(x, y, window)
        elif len(x) > self._rows:
            self._kept = self._extended(x, y, window)
        self._key, self._rows = (window, key), len(x)
        return self._kept

    def _extended(self, x: Floats, y: Floats, window: Window) -> Envelope:
        column = max(window.column(float(x[self._rows - 1])), 0)
        if column >= window.columns:
            return self._kept
        begin = int(np.searchsorted(x, window.start + column * window.bucket))
        fresh = envelope(x[begin:], y[begin:], window)
        names = ("low", "high", "first", "last", "bad")
        joined = {name: np.concatenate([getattr(self._kept, name)[:column], getattr(fresh, name)[column:]]) for name in names}
        return Envelope(**joined)
