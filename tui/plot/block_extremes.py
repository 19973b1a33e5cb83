"""Extremes of every 64 rows of a series: a window over a million rows then costs thousands of looks instead of a million."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.envelopes import Envelope, Flags, Floats, empty_envelope
from asgml.tui.plot.windows import Window

BLOCK = 64
_Rows = NDArray[np.int64]


class BlockExtremes:
    """Lowest and highest value of each whole block of rows, and whether it holds one that is not finite."""

    def __init__(self) -> None:
        self._low, self._high = np.empty(0), np.empty(0)
        self._bad: Flags = np.empty(0, dtype=bool)

    def extend(self, y: Floats) -> None:
        """Takes in the whole blocks that have come; those known must not have changed."""
        known, whole = len(self._low), len(y) // BLOCK
        if whole <= known:
            return
        fresh = _usable(np.asarray(y[known * BLOCK : whole * BLOCK], dtype=np.float64)).reshape(
            -1, BLOCK
        )
        self._low = np.concatenate((self._low, np.fmin.reduce(fresh, axis=1)))
        self._high = np.concatenate((self._high, np.fmax.reduce(fresh, axis=1)))
        self._bad = np.concatenate((self._bad, np.isnan(fresh).any(axis=1)))

    def envelope(self, x: Floats, y: Floats, window: Window) -> Envelope:
        """The same envelope as from the rows themselves. `x` must not decrease."""
        self.extend(y)
        result = empty_envelope(window.columns)
        edges = np.searchsorted(x, window.start + window.bucket * np.arange(window.columns + 1))
        column = np.flatnonzero(np.diff(edges))
        if not len(column):
            return result
        begin, end = edges[column], edges[column + 1]
        low, high, bad = self._inside(begin, end)
        for rows in (
            _partial(begin, np.minimum(end, -(-begin // BLOCK) * BLOCK)),
            _partial(np.maximum(begin, end // BLOCK * BLOCK), end),
        ):
            values = np.where(rows < 0, np.nan, _usable(y[rows]))
            np.fmin(low, np.fmin.reduce(values, axis=1), out=low)
            np.fmax(high, np.fmax.reduce(values, axis=1), out=high)
            bad |= (np.isnan(values) & (rows >= 0)).any(axis=1)
        result.low[column], result.high[column], result.bad[column] = low, high, bad
        result.first[column], result.last[column] = _usable(y[begin]), _usable(y[end - 1])
        return result

    def _inside(self, begin: _Rows, end: _Rows) -> tuple[Floats, Floats, Flags]:
        """Extremes of the blocks that lie wholly within each range of rows."""
        first, last = -(-begin // BLOCK), end // BLOCK
        low, high, bad = (
            np.full(len(begin), np.nan),
            np.full(len(begin), np.nan),
            np.zeros(len(begin), dtype=bool),
        )
        some = np.flatnonzero(last > first)
        if len(some):
            pairs = np.stack((first[some], last[some]), axis=1).reshape(-1)
            low[some] = np.fmin.reduceat(np.append(self._low, np.nan), pairs)[::2]
            high[some] = np.fmax.reduceat(np.append(self._high, np.nan), pairs)[::2]
            bad[some] = np.logical_or.reduceat(np.append(self._bad, False), pairs)[::2]
        return low, high, bad


def _partial(begin: _Rows, end: _Rows) -> _Rows:
    """The rows of each short range, one line each, filled up with -1."""
    rows = begin[:, None] + np.arange(BLOCK)
    return np.where(rows < end[:, None], rows, -1)


def _usable(values: Floats) -> Floats:
    return np.where(np.isinf(values), np.nan, values)
