"""The envelope of a band between two curves: filled in every column, also between two points."""

from __future__ import annotations

import numpy as np

from asgml.tui.plot.decimation import Envelope, Floats, decimate, empty_envelope
from asgml.tui.plot.windows import Window


class BandCache:
    """The last envelope of a band. `changed` is as that of an EnvelopeCache."""

    def __init__(self) -> None:
        self._key: object = None
        self._kept = empty_envelope(0)
        self.changed = 0

    def update(self, x: Floats, low: Floats, high: Floats, window: Window, key: object) -> Envelope:
        """Return the envelope; under one key the band must not have changed."""
        same, self._key = (key, window) == self._key, (key, window)
        self.changed = window.columns if same else 0
        if not same:
            self._kept = band_envelope(x, low, high, window)
        return self._kept


def band_envelope(x: Floats, low: Floats, high: Floats, window: Window) -> Envelope:
    """Return the lowest and highest value of a band in each column, shape (columns,).

    Columns between two points are interpolated. Where `low` or `high` is NaN there is no band.
    """
    known = np.isfinite(low) & np.isfinite(high)
    x, low, high = x[known], low[known], high[known]
    bottom, top = decimate(x, low, window).low, decimate(x, high, window).high
    if len(x):
        middles = window.start + window.bucket * (np.arange(window.columns) + 0.5)
        inside = np.isnan(bottom) & (middles >= x[0]) & (middles <= x[-1])
        bottom[inside] = np.interp(middles[inside], x, low)
        top[inside] = np.interp(middles[inside], x, high)
    return Envelope(bottom, top, bottom, top, np.zeros(window.columns, dtype=bool))
