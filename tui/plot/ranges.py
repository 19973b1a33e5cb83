"""The y axis of a chart: ranges rounded to ticks that are easy to read."""

from __future__ import annotations

import math
from dataclasses import dataclass

_ROUNDING = 1e-9
"""Slack in ticks, so that 0.3 / 0.1 = 2.9999999999999996 counts as the third tick."""


@dataclass(frozen=True)
class Range:
    """The y range of a chart with its tick distance, in the chart's scale: log10 on a log axis."""

    low: float
    high: float
    tick: float
    log: bool = False

    def ticks(self) -> list[float]:
        """Return the ticks from the lowest to the highest, in the chart's scale."""
        first = math.ceil(self.low / self.tick - _ROUNDING)
        last = math.floor(self.high / self.tick + _ROUNDING)
        return [index * self.tick for index in range(first, last + 1)]

    def label(self, tick: float) -> str:
        """Return the value at a tick as text of about five cells."""
        if self.log:
            return _log_label(tick)
        return "0" if abs(tick) < self.tick * 1e-6 else _short(tick, self.tick)


def _log_label(exponent: float) -> str:
    value = 10.0**exponent
    if abs(exponent) < 3:
        return _short(value, 10.0 ** (exponent - 1))
    if exponent == round(exponent):
        return f"1e{exponent:.0f}"
    return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")


def _short(value: float, tick: float) -> str:
    """Return a value with as many decimals as its distance to the next tick needs."""
    size = abs(value)
    if size >= 1e4 or (0 < size < 1e-3):
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    decimals = max(-math.floor(math.log10(tick) + _ROUNDING), 0)
    text = f"{value:.{min(decimals, 4)}f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def nice_tick(span: float, most: int) -> float:
    """Return the smallest of 1, 2, 5 × 10^k that cuts `span` into at most `most` pieces."""
    raw = span / max(most, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    ticks = (power * digit for digit in (1.0, 2.0, 5.0))
    return next((tick for tick in ticks if tick >= raw * (1 - _ROUNDING)), power * 10)


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
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):  # a flat curve, up to rounding
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
    return _rounded(low, high, nice_tick(high - low, most))


def _rounded(low: float, high: float, tick: float, log: bool = False) -> Range:
    bottom = math.floor(low / tick + _ROUNDING) * tick
    top = math.ceil(high / tick - _ROUNDING) * tick
    return Range(bottom, top if top > bottom or not log else bottom + tick, tick, log)
