"""How the panels of the main screen share its room: each takes what it needs, charts the rest."""

from __future__ import annotations

from textual.screen import Screen
from textual.widget import Widget

from asgml.tui.scene.scene import Scene

_FRAME = 2
"""Rows of a frame."""
_LEAST_VALUES = 6
_LEAST_KNOBS = 3
_MOST_BOTTOM = 0.2
"""Share of the screen's rows that events and runs may take."""


def right_heights(room: int, values: int, knobs: int, system: int) -> tuple[int, int]:
    """Return the rows of knobs and of system, 0 for none; the values above them get the rest.

    `room`: rows of the column; the others: lines that each would show, frames not counted. Where
    all do not fit, the system gives way first, then knobs and values share what there is.
    """
    wanted = values + 1 + _FRAME  # a line of headings
    low = system + _FRAME if system else 0
    if room - low < _LEAST_VALUES + _LEAST_KNOBS + 2 * _FRAME:
        low = 0
    left = room - low
    share = max(left - wanted, left // 2)
    return min(max(knobs, 1) + _FRAME, share), low


def bottom_height(rows: int, events: int, runs: int, framed: bool) -> int:
    """Return the rows of the lowest panels on a screen of so many rows."""
    frame = _FRAME if framed else 0
    most = max(int(rows * _MOST_BOTTOM), 3)
    return max(min(max(events, runs, 1) + frame, most), 1 + frame)


def share_room(screen: Screen[None], scene: Scene, runs: int, framed: bool) -> None:
    """Give the panels of a screen the rows that they need; `runs`: lines of the list of runs."""
    shown = screen.query_one("#runs").display
    lines = len(scene.history.lines)
    bottom = bottom_height(screen.size.height, lines, runs if shown else 0, framed)
    _set_height(screen.query_one("#bottom"), bottom)
    room = screen.query_one("#right").size.height
    system = 2 + sum(any(r.column == name for r in scene.rows) for name in ("cpu", "gpu"))
    knobs, low = right_heights(room, len(scene.rows), len(scene.knobs), system)
    _set_height(screen.query_one("#knobs"), knobs)
    _set_height(screen.query_one("#system"), low)


def _set_height(widget: Widget, rows: int) -> None:
    """Set the height of a widget, hidden without rows; nothing where it has that height."""
    widget.set_class(rows == 0, "gone")
    before = widget.styles.height
    if rows and (before is None or before.value != rows):
        widget.styles.height = rows
