"""The envelope of a growing series, kept between frames: a new row costs one column."""

from __future__ import annotations

import numpy as np

from asgml.tui.plot.block_extremes import BlockExtremes
from asgml.tui.plot.decimation import Envelope, Floats, decimate, empty_envelope, extended
from asgml.tui.plot.windows import Window

_MANY_ROWS = 20_000
"""From so many rows on, extremes of blocks are worth their making."""


class EnvelopeCache:
    """The last envelope of a series.

    `changed` is the first column that may differ from the envelope returned before; the number of
    columns where none does.
    """

    def __init__(self) -> None:
        self._window: Window | None = None
        self._key: object = None
        self._rows = 0
        self._kept = empty_envelope(0)
        self._blocks = BlockExtremes()
        self.changed = 0

    def update(self, x: Floats, y: Floats, window: Window, key: object = None) -> Envelope:
        """Return the envelope of `y` in `window`.

        `key` names the series: under one key, rows seen before must not have changed.
        """
        same_series = key == self._key and len(x) >= self._rows
        if not same_series:
            self._blocks = BlockExtremes()
        if not same_series or window != self._window or self._rows == 0:
            self._kept, self.changed = self._whole(x, y, window), 0
        elif len(x) > self._rows:
            self._extend(x, y, window)
        else:
            self.changed = window.columns
        self._window, self._key, self._rows = window, key, len(x)
        return self._kept

    def _whole(self, x: Floats, y: Floats, window: Window) -> Envelope:
        if len(x) < _MANY_ROWS:
            return decimate(x, y, window)
        return self._blocks.decimate(x, y, window)

    def _extend(self, x: Floats, y: Floats, window: Window) -> None:
        """Compute anew the column of the last row seen, and all to its right."""
        column = max(window.column(float(x[self._rows - 1])), 0)
        self.changed = min(column, window.columns)
        if column < window.columns:
            begin = int(np.searchsorted(x, window.start + column * window.bucket))
            self._kept = extended(self._kept, x[begin:], y[begin:], window)
