"""The y axis of a chart: ranges rounded to ticks that are easy to read."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.tick_labels import AxisLabels, linear_labels, log_labels

_ROUNDING = 1e-9
"""Slack in ticks, so that 0.3 / 0.1 = 2.9999999999999996 counts as the third tick."""
_LARGEST = sys.float_info.max
_VAST = 1e300
"""Beyond this a difference of two numbers may be infinite."""
_TICKS = (1e-320, 1e308)
"""The smallest and the largest tick distance that float64 holds some multiples of."""
_FLAT = 1e-12
"""Extent of a curve, as a share of its size, that is nothing but rounding."""
_LOGARITHMS = (-324.0, 309.0)
"""Every logarithm of a positive number lies between these."""


@dataclass(frozen=True)
class Range:
    """The y range of a chart with its tick distance, in the chart's scale: log10 on a log axis."""

    low: float
    high: float
    tick: float
    log: bool = False

    def indices(self) -> range:
        """Return the ticks as multiples of the tick distance, from the lowest to the highest."""
        first = math.ceil(self.low / self.tick - _ROUNDING)
        return range(first, math.floor(self.high / self.tick + _ROUNDING) + 1)

    def ticks(self) -> list[float]:
        """Return the ticks from the lowest to the highest, in the chart's scale."""
        return [index * self.tick for index in self.indices()]

    def labels(self, room: int) -> AxisLabels:
        """Return the text of each tick in at most `room` cells, and what all have in common."""
        make = log_labels if self.log else linear_labels
        return make(self.indices(), self.tick, room)

    def depth(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the place of values in the chart's scale: 0 at the top, 1 at the bottom."""
        unit = 0.25 if max(-self.low, self.high) > _VAST else 1.0
        high, low = self.high * unit, self.low * unit
        return np.asarray((high - values * unit) / (high - low))


def nice_tick(span: float, most: int) -> float:
    """Return the smallest of 1, 2, 5 × 10^k that cuts `span` into at most `most` pieces."""
    raw = min(max(span / max(most, 1), _TICKS[0]), _TICKS[1])
    power = 10.0 ** math.floor(math.log10(raw))
    ticks = (power * digit for digit in (1.0, 2.0, 5.0, 10.0))
    return min(next((tick for tick in ticks if tick >= raw * (1 - _ROUNDING)), raw), _TICKS[1])


def nice_range(low: float, high: float, log: bool = False, most: int = 4) -> Range:
    """Return a range rounded outwards to 1-2-5 ticks; `low` and `high` in the chart's scale.

    It depends on the data alone, so a replayed moment looks like the live one. Because the
    extremes of a growing series only move outwards, it changes seldom.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return Range(0.0, 1.0, 0.5, log)
    if log:
        # At least half a decade, in steps of at least half a decade: 1, 3, 10, 30.
        return _rounded(low, high, max(nice_tick(max(high - low, 0.5), most), 0.5), log=True)
    if high / 2 - low / 2 <= _FLAT / 2 * max(abs(low), abs(high)):  # a flat curve, up to rounding
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
        low, high = max(low, -_LARGEST), min(high, _LARGEST)
    return _rounded(low, high, nice_tick(min(high - low, _LARGEST), most))


def _rounded(low: float, high: float, tick: float, log: bool = False) -> Range:
    bottom = math.floor(low / tick + _ROUNDING) * tick
    top = math.ceil(high / tick - _ROUNDING) * tick
    if top <= bottom:
        top = bottom + tick
    least, largest = _LOGARITHMS if log else (-_LARGEST, _LARGEST)
    return Range(max(bottom, least), min(top, largest), tick, log)
