"""The legend of a chart: marker, word and value of each curve; words give way where room is short."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from rich.text import Text

from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import number
from asgml.tui.scene.panels import Line, Panel
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.axes import x_text


def legend_values(panel: Panel, scene: Scene, view: View) -> dict[str, float]:
    """Column → the newest value, or the one under the cursor."""
    return {
        line.column: _value(line, scene, view)
        for line in panel.lines
        if line.column in scene.data.table(line.table)
    }


def _value(line: Line, scene: Scene, view: View) -> float:
    """Where a curve is smoothed, the value of the curve. A NaN is shown as it is."""
    raw, x = scene.data.table(line.table).column(line.column), scene.data.x(line.table, view.axis)
    row = (
        len(x) - 1
        if view.cursor is None
        else int(np.searchsorted(x, view.cursor, side="right")) - 1
    )
    if line.table == "epochs" and view.cursor is None:
        row = int(max(np.flatnonzero(np.isfinite(raw)), default=-1))
    if row < 0:
        return math.nan
    smooth = scene.data.smoothed.get(line.column)
    return float(raw[row]) if smooth is None else float(smooth[row])


def legend_entries(
    panel: Panel, scene: Scene, values: Mapping[str, float]
) -> tuple[tuple[int, str, str], ...]:
    """(colour, word, value) of the curves that have a value by now."""
    shown = [line for line in panel.lines if line.column in values and line.column in scene.known]
    return tuple((line.colour, safe(line.label), number(values[line.column])) for line in shown)


def legend(
    entries: Sequence[tuple[int, str, str]],
    cursor: float | None,
    axis: str,
    room: int,
    styles: Styles,
) -> Text:
    for labelled, valued in ((True, True), (False, True), (True, False), (False, False)):
        text = Text("  ").join([_entry(entry, labelled, valued, styles) for entry in entries])
        if cursor is not None and valued:
            text.append(f"  @ {x_text(cursor, axis, exact=True)}", styles.strong)
        if text.cell_len <= room:
            return text
    return Text("")


def _entry(entry: tuple[int, str, str], labelled: bool, valued: bool, styles: Styles) -> Text:
    colour, label, value = entry
    words = [styles.marker(colour), label if labelled else "", value if valued else ""]
    return Text(" ".join(word for word in words if word), styles.curve(colour))
