"""The legend of a chart: marker, label and value of each curve; labels give way first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from rich.style import Style
from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.tui.plot.ranges import Range
from asgml.tui.scene.panels import Line, Panel
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.terminal.measured_text import measured_style
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.axes import shown_value
from asgml.tui.widgets.x_axis import x_text

_FORMS = ((True, True), (False, True), (True, False), (False, False))
"""With label, with value: the forms of a legend, tried in this order until one fits."""


class LegendEntry(NamedTuple):
    """One curve in the legend: its value as text, and in which style."""

    colour: int
    label: str
    value: str
    style: Style


def legend_values(panel: Panel, scene: Scene, view: View) -> dict[str, float | None]:
    """Return column → the newest value, or the one under the cursor; None: not measured there."""
    return {
        line.column: _value(line, scene, view)
        for line in panel.lines
        if line.column in scene.data.table(line.table)
    }


def _value(line: Line, scene: Scene, view: View) -> float | None:
    """Return the value of the curve as it is drawn, which may be NaN; None where there is none."""
    table = scene.data.table(line.table)
    rows, raw = table.measured(line.table, line.column), table.column(line.column)
    # The smoothed value, where the curve is smoothed: the legend must agree with the picture.
    drawn = scene.data.smoothed.get(line.column, raw)[rows]
    row = len(drawn) - 1
    if view.cursor is not None:
        x = scene.data.x(line.table, view.axis)[rows]
        row = int(np.searchsorted(x, view.cursor, side="right")) - 1
    return float(drawn[row]) if row >= 0 else None


def legend_entries(
    panel: Panel, scene: Scene, values: Mapping[str, float | None], span: Range, styles: Styles
) -> tuple[LegendEntry, ...]:
    """Return the entries of the curves that have a value by now, to the digits of the axis."""
    shown = [line for line in panel.lines if line.column in values and line.column in scene.known]
    return tuple(_entry_of(line, values[line.column], span, styles) for line in shown)


def _entry_of(line: Line, value: float | None, span: Range, styles: Styles) -> LegendEntry:
    style = measured_style(value, styles, styles.curve(line.colour))
    return LegendEntry(line.colour, safe(line.label), shown_value(value, span, styles), style)


def legend(
    entries: Sequence[LegendEntry], cursor: float | None, axis: str, room: int, styles: Styles
) -> Text:
    """Return the most complete form of the legend that fits into `room` cells."""
    for labelled, valued in _FORMS:
        text = Text("  ").join([_entry(entry, labelled, valued, styles) for entry in entries])
        if cursor is not None and valued:
            text.append(f"  @ {x_text(cursor, axis)}", styles.strong)
        if text.cell_len <= room:
            return text
    return Text("")


def _entry(entry: LegendEntry, labelled: bool, valued: bool, styles: Styles) -> Text:
    style = styles.curve(entry.colour)
    text = Text(styles.marker(entry.colour), style)
    if labelled:
        text.append(f" {entry.label}", style)
    if valued:
        text.append(f" {entry.value}", entry.style)
    return text
