"""The plan on the whole screen: rows × seeds, live; enter opens the run of a cell."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from asgml.tui.keys.row import PLAN
from asgml.tui.keys.table import bindings_for
from asgml.tui.scene.plan_progress import CellProgress, PlanProgress
from asgml.tui.screens.actions.program import show_help
from asgml.tui.screens.framed import FramedScreen
from asgml.tui.screens.many_runs.base import HEIGHTS
from asgml.tui.session.run_table import RunTable
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.widgets.bars import KeyBar
from asgml.tui.widgets.plan_lines import PlanFoot, PlanHead
from asgml.tui.widgets.plan_rows import PlanRows

EVERY = 2.0
"""Seconds between two readings of the plan's runs."""
_FAR = 1 << 40


class PlanScreen(FramedScreen):
    """The cells of the plan that is followed."""

    CSS_PATH = "many_runs.tcss"
    keys_of = PLAN
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(PLAN)
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(self, table: RunTable) -> None:
        super().__init__()
        self.table = table
        self.progress = PlanProgress(table.folder)
        self.place = self.column = 0
        self.handlers: dict[str, Callable[[], None]] = {
            "up": partial(self.move, -1, 0),
            "down": partial(self.move, 1, 0),
            "left": partial(self.move, 0, -1),
            "right": partial(self.move, 0, 1),
            "page_up": partial(self._turn, -1),
            "page_down": partial(self._turn, 1),
            "first": partial(self.move, -_FAR, 0),
            "last": partial(self.move, _FAR, 0),
            "open": self._open,
            "back": self._back,
            "runs": self._show_runs,
            "help": lambda: show_help(self.app, PLAN),
            "palette": lambda: self.app.action_command_palette(),
            "redraw": lambda: app_of(self.app).redraw(),
            "suspend": lambda: app_of(self.app).suspend_to_shell(),
            "detach": lambda: app_of(self.app).detach(),
        }

    def compose(self) -> ComposeResult:
        yield PlanHead()
        yield PlanRows()
        yield PlanFoot()
        yield KeyBar()

    def follow(self, folder: Path) -> None:
        """Show another plan; nothing of it is known yet."""
        if folder != self.progress.folder or self.progress.plan is None:
            self.progress = PlanProgress(folder)
            self.place = self.column = 0

    def on_screen_resume(self) -> None:
        self.table.follow_plan(self.progress.folder)
        self.table.look(EVERY)
        self.draw()

    def on_screen_suspend(self) -> None:
        self.table.follow_plan(None)
        self.table.look(None)

    def action_do(self, id: str) -> None:
        """Run a row of the table of keys."""
        self.handlers[id]()

    def on_plan_rows_picked(self, message: PlanRows.Picked) -> None:
        if (message.row, message.column) == (self.place, self.column):
            self._open()
        else:
            self.move(message.row - self.place, message.column - self.column)

    def show_progress(self, progress: PlanProgress) -> None:
        """Draw the plan as it is now."""
        if progress.folder == self.progress.folder:
            self.progress = progress
            self.move(0, 0)

    @property
    def cell(self) -> CellProgress | None:
        """The selected cell, None where the row has none for the seed."""
        rows = self.progress.rows
        if self.place >= len(rows) or self.column >= len(rows[self.place].cells):
            return None
        return rows[self.place].cells[self.column]

    def move(self, rows: int, columns: int) -> None:
        seeds = len(self.progress.plan.seeds) if self.progress.plan is not None else 0
        self.place = min(max(self.place + rows, 0), max(len(self.progress.rows) - 1, 0))
        self.column = min(max(self.column + columns, 0), max(seeds - 1, 0))
        self.draw()

    def _turn(self, pages: int) -> None:
        self.move(pages * max(self.query_one(PlanRows).page - 1, 1), 0)

    def _open(self) -> None:
        cell = self.cell
        if cell is not None and cell.record is not None:
            app_of(self.app).navigation.open_run(cell.record.path)
        else:
            told = "this cell has no run" if cell is None or cell.value == cell.value else ""
            self.show_message(told or "this cell waits: it has no run yet")

    def _back(self) -> None:
        if not app_of(self.app).navigation.back():
            self._show_runs()

    def _show_runs(self) -> None:
        app_of(self.app).navigation.show_runs(self.progress.folder)

    def draw_frame(self) -> None:
        progress = self.progress
        with self.app.batch_update():
            self.query_one(PlanHead).show_plan(progress)
            self.query_one(PlanRows).show_plan(progress, self.place, self.column)
            self.query_one(PlanFoot).show_plan(progress, self.place, self.column)
            self.query_one(KeyBar).show_keys(PLAN, {}, True, app_of(self.app).mapped)
