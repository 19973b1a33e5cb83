"""The cells of a plan on screen: rows × seeds, and the mean of each row."""

from __future__ import annotations

import math

from rich.text import Text
from textual import events
from textual.message import Message

from asgml.storage.format.safe_text import one_line
from asgml.storage.format.status import ALIVE
from asgml.tui.scene.plan_progress import (
    DIVERGED,
    DONE,
    FAILED,
    STALE,
    WAITING,
    CellProgress,
    PlanProgress,
    RowProgress,
)
from asgml.tui.scene.run_columns import short_number, spread_text
from asgml.tui.terminal.format import clip, fit, shorten
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines
from asgml.tui.widgets.run_rows import scrolled_to

_MEAN = 12
_LEAST_CELL, _MOST_CELL = 7, 14
_LEAST_LABEL, _MOST_LABEL = 12, 36
_ASCII_SPARKLINE = str.maketrans("▁▂▃▄▅▆▇█", "__..--^^")


class PlanRows(Lines):
    """The matrix: a line for each row of the plan, a column for each seed, the mean at the end."""

    DEFAULT_CSS = "PlanRows { height: 1fr; }"

    class Picked(Message):
        """A cell was clicked."""

        def __init__(self, row: int, column: int) -> None:
            super().__init__()
            self.row, self.column = row, column

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._top = self._left = 0
        self._label = self._cell = self._across = 1

    @property
    def page(self) -> int:
        """Rows in sight."""
        return max(self.size.height - 1, 1)

    def show_plan(self, scene: PlanProgress, row: int, column: int) -> None:
        """Show the cells around the selected one."""
        width = self.size.width
        if scene.plan is None or not width:
            self.show([])
            return
        seeds = scene.plan.seeds
        labels = max((len(one_line(each.label)) for each in scene.rows), default=0)
        self._label, self._cell, self._across = layout(width, labels, len(seeds))
        self._top = scrolled_to(row, self._top, self.page, len(scene.rows))
        self._left = scrolled_to(column, self._left, self._across, len(seeds))
        lines = [self._heading(seeds)]
        for place in range(self._top, min(self._top + self.page, len(scene.rows))):
            lines.append(self._line(scene.rows[place], column if place == row else None))
        self.show(lines)

    def _heading(self, seeds: tuple[int, ...]) -> Text:
        styles = self.theme_styles
        shown = seeds[self._left : self._left + self._across]
        more = self._left > 0 or self._left + self._across < len(seeds)
        row = "  " + fit(f"{len(seeds)} seeds" if more else "seeds", self._label)
        named = all(len(f"seed {seed}") < self._cell for seed in shown)
        for seed in shown:
            title = f"seed {seed}" if named else str(seed)
            row += " " + fit(clip(title, self._cell - 1), self._cell - 1)
        mean = f"mean {styles.glyph('±', '+-')} std"
        return Text(f"{row} {mean:>{_MEAN}}   n", styles.muted)

    def _line(self, row: RowProgress, selected: int | None) -> Text:
        styles, here = self.theme_styles, selected is not None
        text = Text("").append(styles.glyph("▸ ", "> ") if here else "  ", styles.key)
        label = fit(shorten(one_line(row.label), self._label), self._label)
        text.append(label, styles.selected if here else styles.strong)
        for place in range(self._left, min(self._left + self._across, len(row.cells))):
            text.append_text(self._cell_text(row.cells[place], place == selected))
        spread = row.spread
        whole = spread is not None and spread.settled
        mean = spread_text(spread, styles.glyph("±", "+-")) or "–"
        text.append(f" {mean:>{_MEAN}}", styles.strong if whole else styles.muted)
        return text.append(f" {spread.n if spread else 0:>3}", styles.muted)

    def _cell_text(self, cell: CellProgress | None, selected: bool) -> Text:
        styles, width = self.theme_styles, self._cell - 1
        text = cell_text(cell, styles, width)
        text.truncate(width, overflow="ellipsis", pad=True)
        edge = styles.glyph("▸", ">") if selected else " "
        if selected:
            text.stylize(styles.selected)
        return Text("").append(edge, styles.key).append_text(text)

    def on_click(self, event: events.Click) -> None:
        column = (event.x - 2 - self._label) // self._cell
        if event.y > 0 and 0 <= column < self._across:
            self.post_message(self.Picked(self._top + event.y - 1, self._left + column))


def layout(width: int, longest_label: int, seeds: int) -> tuple[int, int, int]:
    """Return the cells of a label, the cells of one seed, and how many seeds are in sight."""
    room = width - 2 - _MEAN - 1 - 4
    label = min(max(longest_label, _LEAST_LABEL), _MOST_LABEL, max(room - 3 * _LEAST_CELL, 8))
    across = max(min(seeds, (room - label) // _LEAST_CELL), 1)
    return label, min((room - label) // across, _MOST_CELL), across


def cell_text(cell: CellProgress | None, styles: Styles, width: int) -> Text:
    """Return sign and value of a cell, or how far its run is."""
    if cell is None:
        return Text("")
    value = short_number(cell.value) if math.isfinite(cell.value) else ""
    if cell.state == WAITING:
        return Text(styles.glyph("·", "."), styles.muted)
    if cell.state == DONE:
        return Text(f"  {value or 'no value'}", styles.text if value else styles.warn)
    if cell.state == STALE:
        return Text(f"{styles.glyph('≠', '!')} {value}", styles.warn)
    if cell.state in (FAILED, DIVERGED):
        return Text(f"{styles.state(cell.state)[0]} {cell.state}", styles.bad)
    sign, style = styles.state(cell.state)
    text = Text(f"{sign} {cell.share:.0%}", style)
    course = cell.course.translate(_ASCII_SPARKLINE) if styles.ascii_only else cell.course
    room = width - text.cell_len - 1
    if room > 1 and cell.state in ALIVE:
        text.append(f" {course[-room:]}", styles.text)
    return text
