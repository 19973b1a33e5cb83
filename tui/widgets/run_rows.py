"""The lines of the run list: only those in sight are made, however many runs there are."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rich.text import Text
from textual import events
from textual.message import Message

from asgml.storage.format.safe_text import one_line
from asgml.tui.scene.run_columns import Column, cell_text, choose_columns
from asgml.tui.scene.run_listing import RunListing
from asgml.tui.scene.run_row import ListRow, spread_of
from asgml.tui.terminal.format import clip, clip_numbers, fit, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines

_SIGNS = 4
"""Cells before the name: selected, marked, folded."""
_SCROLL = 3


class RunRows(Lines):
    """The lines in sight, with the titles of their columns above them."""

    DEFAULT_CSS = "RunRows { height: 1fr; }"

    class Picked(Message):
        """A line was clicked; `place` counts from the first line of the list."""

        def __init__(self, place: int) -> None:
            super().__init__()
            self.place = place

    class Scrolled(Message):
        """The wheel was turned, by so many lines."""

        def __init__(self, lines: int) -> None:
            super().__init__()
            self.lines = lines

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._top = 0

    @property
    def page(self) -> int:
        """Lines in sight."""
        return max(self.size.height - 1, 1)

    def show_runs(
        self, scene: RunListing, selected: int, marked: Collection[Path], now: float
    ) -> None:
        """Show the lines around the selected one."""
        width, styles = self.size.width, self.theme_styles
        if not width:
            return
        self._top = scrolled_to(selected, self._top, self.page, len(scene.rows))
        name, columns = choose_columns(
            width - _SIGNS, scene.longest_name, scene.differing, scene.present, scene.options.sort
        )
        shown = [heading(scene, name, columns, styles)]
        for place in range(self._top, min(self._top + self.page, len(scene.rows))):
            row = scene.rows[place]
            signs = (place == selected, all(path in marked for path in row.paths))
            shown.append(run_line(row, columns, name, signs, now, styles, width))
        if scene.loaded and not scene.rows:
            shown = [Text(f" {_why_empty(scene)}", styles.muted)]
        self.show(shown)

    def on_click(self, event: events.Click) -> None:
        if event.y > 0:
            self.post_message(self.Picked(self._top + event.y - 1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.post_message(self.Scrolled(_SCROLL))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.post_message(self.Scrolled(-_SCROLL))


def _why_empty(scene: RunListing) -> str:
    if scene.problem:
        return "nothing can be shown"
    if scene.options.filter_text and scene.total:
        return "no run passes the filter; esc drops it"
    return "there are no runs here yet; `asgml train` starts one"


def scrolled_to(selected: int, top: int, page: int, rows: int) -> int:
    """Return the first line in sight so that the selected one is; it moves as little as it can."""
    top = min(max(top, selected - page + 1), selected)
    return max(min(top, rows - page), 0)


def heading(scene: RunListing, name: int, columns: tuple[Column, ...], styles: Styles) -> Text:
    """Return the titles of the columns; the one that is sorted by has an arrow."""
    arrow = styles.glyph("↓", "v") if scene.options.descending else styles.glyph("↑", "^")
    row = Text(" " * _SIGNS)
    for key, title, width, right in [
        ("name", "name", name, False),
        *((column.key, column.title, column.width, column.right) for column in columns),
    ]:
        sorts = scene.options.sort == key
        shown = clip(title, width - 2) + f" {arrow}" if sorts and width > 3 else clip(title, width)
        style = styles.key if sorts else styles.muted
        row.append(f"{shown:>{width}} " if right else f"{fit(shown, width)} ", style)
    return row


def run_line(
    row: ListRow,
    columns: tuple[Column, ...],
    name: int,
    signs: tuple[bool, bool],
    now: float,
    styles: Styles,
    width: int,
) -> Text:
    """Return one line of the list. `signs`: whether it is selected, and marked."""
    selected, marked = signs
    line = Text("").append(styles.glyph("▸", ">") if selected else " ", styles.key)
    line.append(styles.glyph("•", "*") if marked else " ", styles.mark)
    line.append("  " if row.single else "- " if row.unfolded else "+ ", styles.muted)
    style = styles.selected if selected else styles.text if row.member else styles.strong
    line.append(fit(_name(row, name), name) + " ", style)
    for column in columns:
        line.append_text(_cell(row, column, now, styles)).append(" ")
    if width - line.cell_len > 3 and (rest := remarks(row, styles)):
        line.append(clip(rest, width - line.cell_len), styles.muted)
    return line


def _name(row: ListRow, width: int) -> str:
    return ("  " if row.member else "") + shorten(row.name, max(width - 2 * row.member, 1))


def _cell(row: ListRow, column: Column, now: float, styles: Styles) -> Text:
    if column.key == "state":
        return state_text(row, styles, column.width)
    whole = cell_text(row, column, now, styles.glyph("±", "+-"))
    text = (clip_numbers if column.key == "seeds" else clip)(whole, column.width)
    shown = f"{text:>{column.width}}" if column.right else fit(text, column.width)
    return Text(shown, styles.muted if _provisional(row, column) else styles.text)


def _provisional(row: ListRow, column: Column) -> bool:
    """Return True for the numbers of runs that have not ended well, and for times."""
    if column.key in ("when", "seeds", "protocol"):
        return True
    if column.setting or column.key == "epoch":
        return False
    spread = spread_of(row.records, column.key)
    return spread is None or not spread.settled


def state_text(row: ListRow, styles: Styles, width: int) -> Text:
    """Return the state of a run, or how many runs of a group are in which state."""
    text = Text("")
    for state, amount in row.states:
        sign, style = styles.state(state)
        text.append(f"{sign} {state}" if row.single else f"{sign} {amount} ", style)
    text.truncate(width, overflow="ellipsis", pad=True)
    return text


def remarks(row: ListRow, styles: Styles) -> str:
    """Return tags, parent and note of the runs of a line, on one line."""
    tags = dict.fromkeys(tag for record in row.records for tag in record.labels.tags)
    notes = dict.fromkeys(record.labels.note for record in row.records if record.labels.note)
    parts = [*(f"#{one_line(tag)}" for tag in tags), row.parent, *map(one_line, notes)]
    archived = "archived" if all(record.labels.archived for record in row.records) else ""
    return "  ".join(part for part in [archived, *parts] if part)
