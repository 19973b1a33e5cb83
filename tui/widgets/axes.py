"""The axes of a chart: its window over the data, its y range, and the labels at the ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from asgml.storage.format.status import ENDED
from asgml.storage.format.value_text import number
from asgml.tui.plot.decimation import Envelope, Floats
from asgml.tui.plot.ranges import Range, nice_range
from asgml.tui.plot.strokes import scale
from asgml.tui.plot.windows import Window, window_for
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import Extent, View
from asgml.tui.terminal.measured_text import measured_text
from asgml.tui.terminal.theme import Styles

LABEL = 5
"""Cells for a label of the y axis."""
_USUAL_DIGITS = 4
"""Digits of a value beside a curve whose ticks have no more."""
_MOST_DECIMALS = 12
_FEW = 0.05
"""Share of the columns of a band that may reach beyond the chart."""


def window_of(scene: Scene, view: View, columns: int) -> Window:
    """Return one window for all charts, so that a step stands at the same place in each."""
    runs = [scene.data] if scene.overlay is None else [scene.data, scene.overlay.data]
    ended = scene.state in ENDED
    return window_over([run.reach(view.axis) for run in runs], view, columns, ended)


def window_over(
    found: Sequence[tuple[float, float] | None], view: View, columns: int, ended: bool = False
) -> Window:
    """Return the window over data of these reaches, None for a run without any.

    `ended`: no row follows, so that the window may end with the data.
    """
    reaches = [reach for reach in found if reach is not None]
    first = min((first for first, _ in reaches), default=0.0)
    last = max((last for _, last in reaches), default=1.0)
    by = view.measure(Extent(first, last, ended))
    return window_for(by.first, by.last, columns, view.zoom, view.start, by.ended)


def range_of(
    envelopes: Sequence[Envelope], log: bool, height: int, bands: Sequence[Envelope] = ()
) -> Range:
    """Return the y range of everything in the window, for a chart of `height` rows.

    Of bands most columns count: the first rows of a few runs may lie far apart. A log axis is given
    up where all values are zero or negative: the chart would be empty.
    """
    log = log and not _all_sunk([*envelopes, *bands])
    unscaled = Range(0.0, 1.0, 1.0, log)  # carries the kind of scale only
    lows = [_least(scale(data.low, unscaled)) for data in envelopes]
    highs = [-_least(-scale(data.high, unscaled)) for data in envelopes]
    for data in bands:
        low, high = scale(data.low, unscaled), scale(data.high, unscaled)
        lows.append(_quantile(low, _FEW))
        highs.append(_quantile(high, 1 - _FEW))
    low_, high_ = min(lows, default=math.inf), max(highs, default=-math.inf)
    return nice_range(low_, high_, log, most=max(min(height // 2, 5), 1))


def _all_sunk(envelopes: Sequence[Envelope]) -> bool:
    """Return True where there are numbers and none is above zero."""
    filled = [data.high[data.filled] for data in envelopes]
    return any(map(len, filled)) and not any((high > 0).any() for high in filled)


def _quantile(values: Floats, share: float) -> float:
    """Return a quantile of the numbers; without one, an infinity that no minimum or maximum is."""
    known = values[np.isfinite(values)]
    if not len(known):
        return math.inf if share < 0.5 else -math.inf
    # in quarters: between numbers near the limits of float64 the difference is infinite
    return float(np.quantile(known / 4, share)) * 4


def _least(values: Floats) -> float:
    """Return the smallest number, infinity without one."""
    return float(np.fmin.reduce(values, initial=math.inf))


def y_labels(span: Range, height: int) -> tuple[dict[int, str], str]:
    """Return row → label, and the note that belongs to all labels.

    The topmost and lowest tick stand on the first and last row.
    """
    texts, note = span.labels(LABEL)
    rows: dict[int, str] = {}
    for depth, text in zip(span.depth(np.array(span.ticks())).tolist(), texts, strict=True):
        rows.setdefault(min(max(int(depth * height), 0), height - 1), text)
    return rows, note


def shown_value(value: float | None, span: Range, styles: Styles) -> str:
    """Return a value of a curve to a digit more than the ticks have, where that is many."""
    if value is None or not math.isfinite(value) or value == 0 or span.log:
        return measured_text(value, styles)
    decimals = 1 - math.floor(math.log10(span.tick))
    digits = decimals + math.floor(math.log10(abs(value))) + 1
    if digits <= _USUAL_DIGITS:
        return number(value)
    if abs(decimals) > _MOST_DECIMALS or decimals < 0:
        return f"{value:.{digits - 1}e}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
    return f"{value:.{decimals}f}"
