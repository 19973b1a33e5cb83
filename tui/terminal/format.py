"""Texts cut to their cells, counts, rough spans of time and bars, as the screen shows them."""

from __future__ import annotations

import math

from rich.cells import cell_len, set_cell_size

from asgml.storage.format.value_text import number

_THIN_SPACE = "\u2009"
_AGES = ((60, 10), (600, 60), (7200, 600))
"""Below so many seconds, an age is shown in steps of so many seconds."""


def fit(text: str, width: int) -> str:
    """Return `text` in exactly `width` cells, with `…` where something had to go."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    return set_cell_size(text, width - 1) + "…" if width > 1 else "…"


def clip(text: str, width: int) -> str:
    """Return `text` in at most `width` cells."""
    return text if cell_len(text) <= width else fit(text, width)


def clip_numbers(text: str, width: int) -> str:
    """Return a text in at most `width` cells, never cut inside a number.

    `0–4×500` is `0–4 …` in six cells: `0–4×5…` would be read as another number.
    """
    if cell_len(text) <= width:
        return text
    shown = ["…" if width > 0 else ""]
    for place in range(1, len(text)):
        head = text[:place].rstrip(", ×")
        if not (head[-1:].isdigit() and text[place].isdigit()):
            shown.append(head + (" …" if head[-1:].isdigit() else "…"))
    return max((each for each in reversed(shown) if cell_len(each) <= width), key=cell_len)


def shorten(text: str, width: int) -> str:
    """Return `text` in at most `width` cells, cut in its middle: names differ at their ends."""
    if cell_len(text) <= width or width < 5:
        return clip(text, width)
    tail = (width - 1) // 2 + 1
    while cell_len(text[-tail:]) > width // 2 + 1:
        tail -= 1
    return f"{set_cell_size(text, width - 1 - cell_len(text[-tail:]))}…{text[-tail:]}"


def signed(value: float) -> str:
    """Return a change in two digits, always with its sign."""
    return number(value, 2) if math.isnan(value) or value <= 0 else f"+{number(value, 2)}"


def count(value: int) -> str:
    """Return a whole number in groups of three digits: 12 480."""
    return f"{value:,}".replace(",", _THIN_SPACE)


def short_count(value: float) -> str:
    """Return a number of steps in at most five cells: 950, 12.4k, 1.2M."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            scaled = value / limit
            return f"{scaled:.0f}{unit}" if abs(scaled) >= 100 else f"{scaled:.3g}{unit}"
    return f"{value:.4g}"


def coarse(seconds: float) -> str:
    """Return a span of time in few digits: each one that changes is sent to the terminal again."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{int(seconds) // 10 * 10}s" if seconds >= 10 else "<10s"
    minutes = int(seconds) // 60
    if minutes < 60:
        return f"{minutes}m"
    if minutes < 48 * 60:
        return f"{minutes // 60}h{minutes % 60:02d}"
    return f"{minutes // 1440}d{minutes // 60 % 24:02d}h"


def age(seconds: float) -> str:
    """Return the age of the newest data: `now` while they flow, then steps of growing length."""
    if seconds < 5:
        return "now"
    for limit, step in _AGES:
        if seconds < limit:
            return f"{_span(max(int(seconds) // step * step, 5))} ago"
    return f"{coarse(seconds)} ago"


def _span(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"


def bar(fraction: float, width: int, full: str = "█", empty: str = "░") -> str:
    """Return a bar of `width` whole cells, `fraction` of them full; NaN is an empty bar."""
    filled = round(min(max(fraction, 0.0), 1.0) * width) if math.isfinite(fraction) else 0
    return full * filled + empty * (width - filled)


def plural(amount: int, noun: str) -> str:
    """Return `1 alert`, `2 alerts`."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"
