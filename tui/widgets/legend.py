"""The legend of a chart: marker, label and value of each curve; labels give way first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import number
from asgml.tui.plot.decimation import Floats
from asgml.tui.scene.panels import Line, Panel
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.axes import x_text

_FORMS = ((True, True), (False, True), (True, False), (False, False))
"""With label, with value: the forms of a legend, tried in this order until one fits."""


class LegendEntry(NamedTuple):
    """One curve in the legend."""

    colour: int
    label: str
    value: str


def legend_values(panel: Panel, scene: Scene, view: View) -> dict[str, float]:
    """Return column → the newest value, or the one under the cursor."""
    return {
        line.column: _value(line, scene, view)
        for line in panel.lines
        if line.column in scene.data.table(line.table)
    }


def _value(line: Line, scene: Scene, view: View) -> float:
    """Return the value of the curve as it is drawn, which may be NaN; NaN where there is none."""
    raw = scene.data.table(line.table).column(line.column)
    # The smoothed value, where the curve is smoothed: the legend must agree with the picture.
    row = _row(line, raw, scene, view)
    if row < 0:
        return math.nan
    return float(scene.data.smoothed.get(line.column, raw)[row])


def _row(line: Line, raw: Floats, scene: Scene, view: View) -> int:
    """Return the row under the cursor, without one the newest, -1 where there is none."""
    if view.cursor is not None:
        x = scene.data.x(line.table, view.axis)
        return int(np.searchsorted(x, view.cursor, side="right")) - 1
    if line.table == "epochs":  # not every metric of an epoch is measured in each of them
        return int(max(np.flatnonzero(np.isfinite(raw)), default=-1))
    return len(raw) - 1


def legend_entries(
    panel: Panel, scene: Scene, values: Mapping[str, float]
) -> tuple[LegendEntry, ...]:
    """Return the entries of the curves that have a value by now."""
    shown = [line for line in panel.lines if line.column in values and line.column in scene.known]
    return tuple(
        LegendEntry(line.colour, safe(line.label), number(values[line.column])) for line in shown
    )


def legend(
    entries: Sequence[LegendEntry], cursor: float | None, axis: str, room: int, styles: Styles
) -> Text:
    """Return the most complete form of the legend that fits into `room` cells."""
    for labelled, valued in _FORMS:
        text = Text("  ").join([_entry(entry, labelled, valued, styles) for entry in entries])
        if cursor is not None and valued:
            text.append(f"  @ {x_text(cursor, axis, exact=True)}", styles.strong)
        if text.cell_len <= room:
            return text
    return Text("")


def _entry(entry: LegendEntry, labelled: bool, valued: bool, styles: Styles) -> Text:
    label, value = entry.label if labelled else "", entry.value if valued else ""
    pieces = (styles.marker(entry.colour), label, value)
    return Text(" ".join(piece for piece in pieces if piece), styles.curve(entry.colour))
