"""The y axis of a chart: ranges and ticks that a person reads easily."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """The y range of a chart, in the chart's own scale (log10 on a log axis), with its tick distance."""

    low: float
    high: float
    tick: float
    log: bool = False

    def ticks(self) -> list[float]:
        first, last = (
            math.ceil(self.low / self.tick - 1e-9),
            math.floor(self.high / self.tick + 1e-9),
        )
        return [index * self.tick for index in range(first, last + 1)]

    def label(self, tick: float) -> str:
        value = 10.0**tick if self.log else tick
        if self.log and (abs(tick) >= 3):
            return (
                f"1e{tick:.0f}"
                if tick == round(tick)
                else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
            )
        if abs(value) < self.tick * 1e-6 and not self.log:
            return "0"
        return _short(value, 10.0 ** (tick - 1) if self.log else self.tick)


def _short(value: float, tick: float) -> str:
    size = abs(value)
    if size >= 1e4 or (0 < size < 1e-3):
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    decimals = max(-math.floor(math.log10(tick) + 1e-9), 0)
    text = f"{value:.{min(decimals, 4)}f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def nice_tick(span: float, most: int) -> float:
    """The smallest of 1, 2, 5 × a power of ten that cuts `span` into at most `most` pieces."""
    raw = span / max(most, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next(
        (power * digit for digit in (1.0, 2.0, 5.0) if power * digit >= raw * (1 - 1e-9)),
        power * 10,
    )


def nice_range(low: float, high: float, log: bool = False, most: int = 4) -> Range:
    """A range rounded outwards to 1-2-5 ticks.

    It depends on the data alone: a replayed moment looks like the live one, and because the extremes of a growing
    series only move outwards, the range changes seldom.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return Range(0.0, 1.0, 0.5, log)
    if log:
        return _nice_log(low, high, most)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
    tick = nice_tick(high - low, most)
    return Range(math.floor(low / tick + 1e-9) * tick, math.ceil(high / tick - 1e-9) * tick, tick)


def _nice_log(low: float, high: float, most: int) -> Range:
    tick = nice_tick(max(high - low, 0.5), most)
    if tick < 1:
        tick = 0.5
    bottom, top = math.floor(low / tick + 1e-9) * tick, math.ceil(high / tick - 1e-9) * tick
    return Range(bottom, top if top > bottom else bottom + tick, tick, log=True)
