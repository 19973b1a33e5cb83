"""The x axis of a chart: its ticks, their labels, and an x value as text."""

from __future__ import annotations

import math

from asgml.storage.format.value_text import duration
from asgml.tui.plot.ranges import nice_tick
from asgml.tui.plot.tick_labels import decimal_of, shortest_text
from asgml.tui.plot.windows import Window

EDGE = "\0"
"""Stands between labels of the x axis, where the edge of the chart shows."""
_LEAST_ROOM = 9
"""Fewest columns for each tick of the x axis: a short label and a space on each side."""
_AROUND_LABEL = 3
_NEARLY = 0.95
"""Share of a window that its ticks are chosen for: one of 301 steps has the ticks of 300."""
_UNITS = ((3, "k"), (6, "M"), (9, "G"), (12, "T"), (15, "P"))
"""Powers of ten that steps and epochs are counted in."""
_DAY = 86400
_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, _DAY)
"""Distances of ticks that are easy to read as h:mm:ss."""


def x_labels(window: Window, width: int, across: int, axis: str, margin: int = 0) -> str:
    """Return labels centred on their columns, with `EDGE` in all cells between them.

    `across`: columns of the window in one cell; `margin`: cells on the left of the first of them.
    """
    cells, taken = [EDGE] * (margin + width), 0
    for value, label in x_ticks(window.start, window.end, width, axis):
        text = f" {label} "
        middle = margin + window.column(value) // across
        place = min(max(middle - len(text) // 2, 0), len(cells) - len(text))
        if place >= taken and middle < len(cells):
            cells[place : place + len(text)] = text
            taken = place + len(text) + 1
    return "".join(cells)


def x_ticks(start: float, end: float, width: int, axis: str) -> list[tuple[float, str]]:
    """Return the ticks from `start` to `end` with their labels, as many as `width` cells hold."""
    room = _LEAST_ROOM
    if not start < end:  # buckets that are nothing beside x: float64 has no place between them
        return []
    while True:
        tick = _tick(end - start, max(width // room, 1), axis)
        indices = range(math.ceil(start / tick), math.floor(end / tick) + 1)
        found = [(index * tick, _label(index, tick, axis)) for index in indices]
        longest = max((len(label) for _, label in found), default=0) + _AROUND_LABEL
        if longest <= room or room >= width:
            return found
        room = longest


def x_text(value: float, axis: str) -> str:
    """Return an x value as text: the step or epoch that it lies in, or a span of time."""
    if axis == "step":
        return f"step {math.floor(value)}"
    if axis == "epoch":
        return f"epoch {value:.10g}"
    return duration(value)


def _tick(span: float, most: int, axis: str) -> float:
    tick = nice_tick(span * _NEARLY, most)
    if axis in ("step", "epoch"):
        return max(tick, 1.0) if axis == "step" else tick
    if tick < 1:
        return tick
    whole = next((float(nice) for nice in _SECONDS if nice >= span * _NEARLY / most), None)
    return whole if whole is not None else nice_tick(span * _NEARLY / _DAY, most) * _DAY


def _label(index: int, tick: float, axis: str) -> str:
    if axis in ("step", "epoch"):
        return _count(*decimal_of(index, tick))
    if tick >= _DAY:
        return f"{shortest_text(*decimal_of(index, tick / _DAY))}d"
    if tick >= 1:
        return duration(round(index * tick))
    # a fraction of a second: its digits follow those of the second it lies in
    number, power = decimal_of(index, tick)
    seconds, rest = divmod(number, 10**-power)
    return f"{duration(seconds)}.{rest:0{-power}d}"


def _count(number: int, power: int) -> str:
    """Return number · 10^power with all its digits, in thousands, millions … where shorter."""
    forms = [
        shortest_text(number, power - unit) + sign
        for unit, sign in _UNITS
        if abs(number) >= 10 ** max(unit - power, 0)
    ]
    return min([*reversed(forms), shortest_text(number, power)], key=len)
