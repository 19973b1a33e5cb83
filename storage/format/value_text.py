"""Measured numbers, knob values, spans of time and sizes as short text."""

from __future__ import annotations

import math

from asgml.storage.format.safe_text import safe


def number(value: float | None, digits: int = 3) -> str:
    """Return a measured value in about `digits` significant digits; NaN and infinity by name."""
    if value is None:
        return "–"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 10 ** (digits + 2) or size < 1e-3:
        return _exponent(value, digits)
    decimals = max(digits - 1 - math.floor(math.log10(size)), 0)
    most = digits if size >= 0.01 else digits + 1  # 0.0015 must not read 0.002
    return f"{value:.{min(decimals, most)}f}"


def _exponent(value: float, digits: int) -> str:
    mantissa, _, exponent = f"{value:.{max(digits - 2, 0)}e}".partition("e")
    text = f"{mantissa}e{int(exponent)}"
    # 8 cells are the room of a value beside a curve; the last decimal goes first
    return text if len(text) <= 8 else f"{float(mantissa):.0f}e{int(exponent)}"


def setting(value: object) -> str:
    """Return a knob's value as it can be typed back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.10g}" if isinstance(value, float) else safe(value)


def size(value: float) -> str:
    """Return a number of bytes with its unit."""
    for limit, unit in ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB")):
        if value >= limit:
            scaled = value / limit
            return f"{scaled:.3g} {unit}" if scaled < 1000 else f"{scaled:.0f} {unit}"
    return f"{value:.0f} B"


def duration(seconds: float) -> str:
    """Return a span of time as h:mm:ss, `–` where it is not finite."""
    if not math.isfinite(seconds):
        return "–"
    whole = max(int(seconds), 0)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
