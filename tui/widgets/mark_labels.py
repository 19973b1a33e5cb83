"""Marks of one column of a chart as one label, the change of a knob first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from asgml.storage.format.value_text import duration
from asgml.tui.plot.mark_placing import PlacedMark
from asgml.tui.plot.windows import Window
from asgml.tui.scene.marks import Mark, change_text
from asgml.tui.scene.run_data import RunData
from asgml.tui.terminal.format import clip
from asgml.tui.terminal.theme import Styles

_ASCII = (("α", "alpha"), ("↓", "="), ("↑", "="), ("→", "="), ("‖", "|"), ("▶", ">"), ("✎", "note"))
_SHOWN_CHANGES = 3
"""Changes that a label names, the newest ones; it counts the others."""
_MOST_CELLS = 28
"""Cells of one change."""


def placed_marks(
    marks: Iterable[Mark], data: RunData, axis: str, window: Window, styles: Styles
) -> list[PlacedMark]:
    """Return the marks that lie in the window, those of one column of cells as one."""
    across = styles.glyphs.across
    columns: dict[int, list[Mark]] = {}
    for mark in marks:
        place = data.place(axis, mark.step, mark.wall_time, mark.active_time)
        if place is not None and window.start <= place < window.end:
            columns.setdefault(window.column(place) // across, []).append(mark)
    return [
        (column, "change" if _changes(found) else found[0].kind, _texts(found, styles))
        for column, found in sorted(columns.items())
        if column < window.columns // across
    ]


def _changes(marks: Sequence[Mark]) -> list[str]:
    """Return the changes, one for each knob: from its first value to its last."""
    first: dict[str, Mark] = {}
    last: dict[str, Mark] = {}
    for mark in marks:
        if mark.kind == "change":
            first.setdefault(mark.knob, mark)
            last.pop(mark.knob, None)  # the newest change comes last
            last[mark.knob] = mark
    return [change_text(knob, first[knob].before, mark.after) for knob, mark in last.items()]


def _texts(marks: Sequence[Mark], styles: Styles) -> tuple[str, ...]:
    """Return the label in forms from the fullest to the shortest."""
    changes = _changes(marks)
    shown = changes[-_SHOWN_CHANGES:]
    more = f"+{len(changes) - len(shown)}" if len(changes) > len(shown) else ""
    parts = [part for part in (*shown, more, *_signs(marks)) if part]
    plain = styles.glyphs.name == "ascii"
    parts = [clip(_narrow(_in_ascii(part) if plain else part), _MOST_CELLS) for part in parts]
    return tuple(" ".join(parts[:count]) for count in range(len(parts), 0, -1))


def _signs(marks: Sequence[Mark]) -> list[str]:
    """Return what else happened: a new segment, notes, pauses with their length."""
    kinds = [mark.kind for mark in marks]
    signs = ["resumed"] if "segment" in kinds else []
    signs += ["✎"] if "note" in kinds else []
    stood = "‖" * ("pause" in kinds) + "▶" * ("resume" in kinds)
    held = sum(mark.held for mark in marks)
    return [*signs, *([stood] if stood else []), *([duration(held)] if held > 0 else [])]


def _narrow(text: str) -> str:
    """Return a text in which each character has a cell: a plot is made of cells."""
    return "".join(letter if cell_len(letter) == 1 else "?" for letter in text)


def _in_ascii(text: str) -> str:
    for sign, plain in _ASCII:
        text = text.replace(sign, plain)
    return text
