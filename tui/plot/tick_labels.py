"""Labels of ticks: each says its number to the digits that tell it from the next tick.

Digits that all ticks share stand once, in a note: `×1e-30`, `+12340`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_MOST_DECIMALS = 6
_MOST_DIGITS = 20
"""Zeros that are written out where that is shorter than an exponent."""
_WHOLE = 1e-6
"""Slack of a logarithm that counts as a whole number."""
_HALF = 32
"""Half a decade above 10, 10^1.5, to the digits that a label needs."""


class AxisLabels(NamedTuple):
    """The texts of ticks, and the note that makes numbers of them; "" where they are the numbers.

    A note is a factor, an offset, or both: `×1e-8 +1` says that the label 2 stands for
    2 · 1e-8 + 1.
    """

    texts: tuple[str, ...]
    note: str = ""


def linear_labels(indices: Sequence[int], tick: float, room: int) -> AxisLabels:
    """Return labels in at most `room` ≥ 4 cells of the numbers index · `tick`.

    `tick` is 1, 2 or 5 times a power of ten.
    """
    if not indices:
        return AxisLabels(())
    decimals = [decimal_of(index, tick) for index in indices]
    numbers, power = [number for number, _ in decimals], decimals[0][1]
    plain = _scaled(numbers, power, room)
    if plain is not None:
        return plain
    unit = 10 ** len(str(max(numbers) - min(numbers)))
    base = min(numbers) // unit * unit
    shifted = _scaled([number - base for number in numbers], power, room)
    texts, factor = shifted if shifted is not None else (tuple(map(str, numbers)), "")
    text = shortest_text(base, power)
    offset = text if base < 0 else f"+{text}"
    return AxisLabels(texts, f"{factor} {offset}".strip())


def log_labels(indices: Sequence[int], tick: float, room: int) -> AxisLabels:
    """Return labels in at most `room` ≥ 5 cells of the numbers 10^(index · `tick`)."""
    exponents = [index * tick for index in indices]
    texts = tuple(map(_log_text, exponents))
    if all(len(text) <= room for text in texts) or not exponents:
        return AxisLabels(texts)
    base = math.floor(exponents[0] + _WHOLE)
    return AxisLabels(tuple(_log_text(each - base) for each in exponents), f"×1e{base}")


def decimal_of(index: int, tick: float) -> tuple[int, int]:
    """Return index · `tick` as n · 10^power, exactly; `tick` is 1, 2 or 5 times a power of ten."""
    power = math.floor(math.log10(tick) + _WHOLE)
    return index * round(tick / 10.0**power), power


def shortest_text(number: int, power: int) -> str:
    """Return number · 10^power with all its digits: in full, or with an exponent if shorter."""
    if number == 0:
        return "0"
    sign, digits = "-" * (number < 0), str(abs(number))
    first = power + len(digits) - 1  # the exponent of the first digit
    rest = digits[1:].rstrip("0")
    short = f"{sign}{digits[0]}{'.' * bool(rest)}{rest}e{first}"
    full = _fixed(number, power) if abs(power) < _MOST_DIGITS else short
    return min(full, short, key=len)


def _scaled(numbers: Sequence[int], power: int, room: int) -> AxisLabels | None:
    """Return the numbers · 10^power as they are, else with a power of ten for all, if they fit."""
    largest = max((abs(number) for number in numbers), default=0)
    top = power + len(str(largest)) - 1
    for exponent in (0, top, top - 1):
        if not -_MOST_DECIMALS <= power - exponent <= _MOST_DECIMALS:
            continue
        texts = [_fixed(number, power - exponent) for number in numbers]
        if max(map(len, texts)) > room:
            texts = [_without_zero(text) for text in texts]
        if max(map(len, texts)) <= room:
            return AxisLabels(tuple(texts), f"×1e{exponent}" if exponent else "")
    return None


def _fixed(number: int, power: int) -> str:
    """Return number · 10^power with a decimal point and no exponent."""
    if power >= 0:
        return str(number * 10**power)
    digits = str(abs(number)).rjust(1 - power, "0")
    text = f"{digits[:power]}.{digits[power:]}".rstrip("0").rstrip(".")
    return f"-{text}" if number < 0 else text


def _without_zero(text: str) -> str:
    """Return 0.0015 as .0015."""
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def _log_text(exponent: float) -> str:
    """Return 10^exponent; `exponent` is a multiple of a half."""
    whole = math.floor(exponent + _WHOLE)
    is_half = exponent - whole > 0.25
    if abs(exponent) < 3:
        text = _fixed(_HALF, whole - 1) if is_half else _fixed(1, whole)
        return text if len(text) <= 5 else _without_zero(text)
    return f"{_HALF // 10 if is_half else 1}e{whole}"
