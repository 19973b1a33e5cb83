"""Extremes of every 64 rows: the envelope of a million rows then reads thousands of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.decimation import Envelope, Flags, Floats, empty_envelope, finite_or_nan
from asgml.tui.plot.windows import Window

BLOCK = 64
_Rows = NDArray[np.int64]


class BlockExtremes:
    """Lowest and highest value of each whole block of rows, and whether one is not finite."""

    def __init__(self) -> None:
        self._low, self._high = np.empty(0), np.empty(0)
        self._bad: Flags = np.empty(0, dtype=bool)

    def extend(self, y: Floats) -> None:
        """Take in the whole blocks that have come; rows seen before must not have changed."""
        known, whole = len(self._low), len(y) // BLOCK
        if whole <= known:
            return
        rows = np.asarray(y[known * BLOCK : whole * BLOCK], dtype=np.float64)
        fresh = finite_or_nan(rows).reshape(-1, BLOCK)
        self._low = np.concatenate((self._low, np.fmin.reduce(fresh, axis=1)))
        self._high = np.concatenate((self._high, np.fmax.reduce(fresh, axis=1)))
        self._bad = np.concatenate((self._bad, np.isnan(fresh).any(axis=1)))

    def decimate(self, x: Floats, y: Floats, window: Window) -> Envelope:
        """Return the same envelope as from the rows themselves; `x` must not decrease."""
        self.extend(y)
        result = empty_envelope(window.columns)
        edges = np.searchsorted(x, window.start + window.bucket * np.arange(window.columns + 1))
        column = np.flatnonzero(np.diff(edges))
        if not len(column):
            return result
        begin, end = edges[column], edges[column + 1]
        low, high, bad = self._extremes(begin, end, y)
        result.low[column], result.high[column], result.bad[column] = low, high, bad
        result.first[column] = finite_or_nan(y[begin])
        result.last[column] = finite_or_nan(y[end - 1])
        return result

    def _extremes(self, begin: _Rows, end: _Rows, y: Floats) -> tuple[Floats, Floats, Flags]:
        """Return low, high and bad of each range of rows: its whole blocks, and both its ends."""
        low, high, bad = self._whole_blocks(begin, end)
        head = _rows_of(begin, np.minimum(end, -(-begin // BLOCK) * BLOCK))
        tail = _rows_of(np.maximum(begin, end // BLOCK * BLOCK), end)
        for rows in (head, tail):
            values = np.where(rows < 0, np.nan, finite_or_nan(y[rows]))
            np.fmin(low, np.fmin.reduce(values, axis=1), out=low)
            np.fmax(high, np.fmax.reduce(values, axis=1), out=high)
            bad |= (np.isnan(values) & (rows >= 0)).any(axis=1)
        return low, high, bad

    def _whole_blocks(self, begin: _Rows, end: _Rows) -> tuple[Floats, Floats, Flags]:
        """Return low, high and bad of the blocks that lie wholly within each range of rows."""
        low, high = np.full(len(begin), np.nan), np.full(len(begin), np.nan)
        bad = np.zeros(len(begin), dtype=bool)
        first, last = -(-begin // BLOCK), end // BLOCK
        some = np.flatnonzero(last > first)
        if len(some):
            # Every other result of `reduceat` is the gap between two ranges. The element added
            # at the end is for a range that ends with the last block.
            pairs = np.stack((first[some], last[some]), axis=1).reshape(-1)
            low[some] = np.fmin.reduceat(np.append(self._low, np.nan), pairs)[::2]
            high[some] = np.fmax.reduceat(np.append(self._high, np.nan), pairs)[::2]
            bad[some] = np.logical_or.reduceat(np.append(self._bad, False), pairs)[::2]
        return low, high, bad


def _rows_of(begin: _Rows, end: _Rows) -> _Rows:
    """Return the rows of ranges of at most a block, shape (ranges, BLOCK), filled up with -1."""
    rows = begin[:, None] + np.arange(BLOCK)
    return np.where(rows < end[:, None], rows, -1)
