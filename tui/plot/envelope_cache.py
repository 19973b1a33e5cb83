"""The envelope of a series that grows while it is watched: a new row costs one column, not the series."""

from __future__ import annotations

import numpy as np

from asgml.tui.plot.block_extremes import BlockExtremes
from asgml.tui.plot.envelopes import Envelope, Floats, empty_envelope, envelope, extended
from asgml.tui.plot.windows import Window

_MANY = 20_000
"""Rows from which the blocks are worth their making."""


class EnvelopeCache:
    """`changed` is the first column that may differ from the one returned before; the number of columns where none does."""

    def __init__(self) -> None:
        self._key: object = None
        self._rows = 0
        self._kept = empty_envelope(0)
        self._blocks = BlockExtremes()
        self.changed = 0

    def update(self, x: Floats, y: Floats, window: Window, key: object = None) -> Envelope:
        """The envelope of `y` in `window`. `key` names the series: rows seen before must not have changed under the same key."""
        if (window, key) != self._key or len(x) < self._rows or self._rows == 0:
            self._kept, self.changed = self._whole(x, y, window, key), 0
        elif len(x) > self._rows:
            self._extend(x, y, window)
        else:
            self.changed = window.columns
        self._key, self._rows = (window, key), len(x)
        return self._kept

    def _whole(self, x: Floats, y: Floats, window: Window, key: object) -> Envelope:
        if not isinstance(self._key, tuple) or self._key[1] != key or len(x) < self._rows:
            self._blocks = BlockExtremes()
        return envelope(x, y, window) if len(x) < _MANY else self._blocks.envelope(x, y, window)

    def _extend(self, x: Floats, y: Floats, window: Window) -> None:
        column = max(window.column(float(x[self._rows - 1])), 0)
        self.changed = min(column, window.columns)
        if column < window.columns:
            begin = int(np.searchsorted(x, window.start + column * window.bucket))
            self._kept = extended(self._kept, x[begin:], y[begin:], window)
