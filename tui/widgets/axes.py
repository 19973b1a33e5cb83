"""The axes of a chart: its window over the data, its y range, and the labels at the ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from asgml.storage.format.value_text import duration
from asgml.tui.plot.decimation import Envelope, Floats
from asgml.tui.plot.ranges import Range, nice_range, nice_tick
from asgml.tui.plot.strokes import scale
from asgml.tui.plot.windows import Window, window_for
from asgml.tui.scene.marks import Mark
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.terminal.format import short_count

LABEL = 5
"""Cells for a label of the y axis."""
EDGE = "\0"
"""Stands between labels of the x axis, where the edge of the chart shows."""
_LABEL_EVERY = 9
"""Columns for each tick of the x axis: room for a label and a space on each side."""
_FEW = 0.05
"""Share of the columns of a band that may reach beyond the chart."""
_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400)
"""Distances of ticks that are easy to read as h:mm:ss."""


def window_of(scene: Scene, view: View, columns: int) -> Window:
    """Return one window for all charts, so that a step stands at the same place in each."""
    runs = [scene.data] if scene.overlay is None else [scene.data, scene.overlay.data]
    return window_over([run.reach(view.axis) for run in runs], view, columns)


def window_over(found: Sequence[tuple[float, float] | None], view: View, columns: int) -> Window:
    """Return the window over data of these reaches, None for a run without any."""
    reaches = [reach for reach in found if reach is not None]
    first = min((first for first, _ in reaches), default=0.0)
    last = max((last for _, last in reaches), default=1.0)
    return window_for(first, last, columns, view.zoom, view.start)


def range_of(
    envelopes: Sequence[Envelope], log: bool, height: int, bands: Sequence[Envelope] = ()
) -> Range:
    """Return the y range of everything in the window, for a chart of `height` rows.

    Of bands most columns count: the first rows of a few runs may lie far apart.
    """
    unscaled = Range(0.0, 1.0, 1.0, log)  # carries the kind of scale only
    lows = [_least(scale(data.low, unscaled)) for data in envelopes]
    highs = [-_least(-scale(data.high, unscaled)) for data in envelopes]
    for data in bands:
        low, high = scale(data.low, unscaled), scale(data.high, unscaled)
        lows.append(_quantile(low, _FEW))
        highs.append(_quantile(high, 1 - _FEW))
    low_, high_ = min(lows, default=math.inf), max(highs, default=-math.inf)
    return nice_range(low_, high_, log, most=max(min(height // 2, 5), 1))


def _quantile(values: Floats, share: float) -> float:
    """Return a quantile of the numbers; without one, an infinity that no minimum or maximum is."""
    known = values[np.isfinite(values)]
    if not len(known):
        return math.inf if share < 0.5 else -math.inf
    return float(np.quantile(known, share))


def _least(values: Floats) -> float:
    """Return the smallest number, infinity without one."""
    return float(np.fmin.reduce(values, initial=math.inf))


def y_labels(span: Range, height: int) -> dict[int, str]:
    """Return row → label. The topmost and lowest tick stand on the first and last row."""
    labels: dict[int, str] = {}
    for tick in span.ticks():
        row = min(int((span.high - tick) / (span.high - span.low) * height), height - 1)
        labels.setdefault(row, span.label(tick)[:LABEL])
    return labels


def x_labels(window: Window, width: int, across: int, axis: str) -> str:
    """Return labels centred on their columns, with `EDGE` in all cells between them.

    `across`: columns of the window in one cell.
    """
    tick = _x_tick(window.end - window.start, width, axis)
    cells, taken = [EDGE] * width, 0
    for index in range(math.ceil(window.start / tick), math.floor(window.end / tick) + 1):
        text = f" {x_text(index * tick, axis)} "
        place = max(window.column(index * tick) // across - len(text) // 2, 0)
        if place >= taken and place + len(text) <= width:
            cells[place : place + len(text)] = text
            taken = place + len(text) + 1
    return "".join(cells)


def _x_tick(span: float, width: int, axis: str) -> float:
    tick = nice_tick(span, max(width // _LABEL_EVERY, 1))
    if axis in ("step", "epoch"):
        return max(tick, 1.0) if axis == "step" else tick
    return next((float(nice) for nice in _SECONDS if nice >= tick), tick)


def x_text(value: float, axis: str, exact: bool = False) -> str:
    """Return an x value as text: a step (`exact`: all its digits), an epoch or a span of time."""
    if axis == "step":
        return f"step {value:.0f}" if exact else short_count(value)
    if axis == "epoch":
        return f"epoch {value:.4g}" if exact else short_count(value)
    return duration(value)


def mark_x(mark: Mark, axis: str, start_time: float) -> float:
    """Return the x value of an intervention; wall time counts from `start_time`."""
    return mark.wall_time - start_time if axis == "wall_time" else float(getattr(mark, axis))
