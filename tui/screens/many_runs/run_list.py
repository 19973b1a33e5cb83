"""The run list on the whole screen: every run of a folder, filtered, grouped, sorted, labelled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import time as now
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from asgml.storage.runs.record import RunRecord
from asgml.tui.keys.row import RUN_LIST
from asgml.tui.keys.table import bindings_for
from asgml.tui.scene.run_listing import RunListing
from asgml.tui.scene.run_row import ListRow
from asgml.tui.scene.run_sorting import ListOptions
from asgml.tui.screens.framed import FramedScreen
from asgml.tui.screens.many_runs.base import HEIGHTS
from asgml.tui.screens.many_runs.label_actions import LabelActions
from asgml.tui.screens.many_runs.list_actions import ListActions
from asgml.tui.screens.many_runs.open_actions import OpenActions
from asgml.tui.session.run_table import RunTable
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.terminal.format import count
from asgml.tui.widgets.bars import KeyBar
from asgml.tui.widgets.run_list_lines import RunListFoot, RunListHead
from asgml.tui.widgets.run_rows import RunRows

EVERY = 3.0
"""Seconds between two readings of the folder while the list is on screen."""


class RunListScreen(FramedScreen):
    """The run list. What the keys do stands in its three groups of actions."""

    CSS_PATH = "many_runs.tcss"
    keys_of = RUN_LIST
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(RUN_LIST)
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(self, table: RunTable, readonly: bool) -> None:
        super().__init__()
        self.table = table
        self.readonly = readonly
        self.listing = RunListing()
        self.options = ListOptions()
        self.marked: set[Path] = set()
        self.place = 0
        self._to_first = False
        self._plan_to_find: Path | None = None
        groups = (ListActions(self), LabelActions(self), OpenActions(self))
        self.handlers = {id: run for group in groups for id, run in group.handlers().items()}

    def compose(self) -> ComposeResult:
        yield RunListHead()
        yield RunRows()
        yield RunListFoot()
        yield KeyBar()

    def on_screen_resume(self) -> None:
        self.table.show(self.options)
        self.table.look(EVERY)
        self.draw()

    def on_screen_suspend(self) -> None:
        self.table.look(None)

    def action_do(self, id: str) -> None:
        """Run a row of the table of keys."""
        self.handlers[id]()

    def on_run_rows_picked(self, message: RunRows.Picked) -> None:
        if message.place == self.place:
            self.action_do("open")
        else:
            self.move_to(message.place)

    def on_run_rows_scrolled(self, message: RunRows.Scrolled) -> None:
        self.move_to(self.place + message.lines)

    # what the thread sends

    def show_listing(self, listing: RunListing) -> None:
        """Draw a new listing; the selected line stays selected wherever it is now."""
        row = self.row
        self.listing = listing
        if self._to_first and listing.options == self.options:
            self.place, self._to_first = 0, False
        elif row is not None:
            keys = [each.key for each in listing.rows]
            self.place = keys.index(row.key) if row.key in keys else self.place
        here = {path for each in listing.rows for path in each.paths}
        if not listing.options.filter_text:
            self.marked &= here
        self.move_to(self.place)
        self._find_plan()

    def show_count(self, done: int, total: int) -> None:
        """Draw how many runs the first reading has come to."""
        if not self.listing.loaded:
            told = f"reading {count(done)} of {count(total)}"
            self.listing = replace(self.listing, reading=told)
            self.draw()

    def stand_on_plan(self, folder: Path) -> None:
        """Select a line of a plan's runs, at the latest when they are listed."""
        self._plan_to_find = folder
        self._find_plan()

    def _find_plan(self) -> None:
        plans = [row.records[0].path.parent for row in self.listing.rows]
        folder = self._plan_to_find
        if folder in plans:
            self._plan_to_find = None
            if plans[self.place] != folder:
                self.move_to(plans.index(folder))

    # what the handlers of keys use

    @property
    def row(self) -> ListRow | None:
        """The selected line, None in an empty list."""
        return self.listing.rows[self.place] if self.place < len(self.listing.rows) else None

    @property
    def targets(self) -> list[RunRecord]:
        """The marked runs; those of the selected line where none is marked."""
        if self.marked:
            return self.marked_records
        return list(self.row.records) if self.row is not None else []

    @property
    def marked_records(self) -> list[RunRecord]:
        """The marked runs in the order of the list."""
        found = {
            record.path: record
            for row in self.listing.rows
            for record in row.records
            if record.path in self.marked
        }
        return list(found.values())

    @property
    def page(self) -> int:
        return self.query_one(RunRows).page

    def move_to(self, place: int) -> None:
        self.place = min(max(place, 0), max(len(self.listing.rows) - 1, 0))
        self.draw()

    def choose(self, options: ListOptions, *, first: bool = False) -> None:
        """Ask for the listing that these choices make; with `first` its first line is selected."""
        self.options, self._to_first = options, first
        self.table.show(options)

    # drawing

    def draw_frame(self) -> None:
        listing = self.listing
        with self.app.batch_update():
            self.query_one(RunListHead).show_list(
                listing, self.table.folder, len(self.marked), self.readonly
            )
            self.query_one(RunRows).show_runs(listing, self.place, self.marked, now())
            self.query_one(RunListFoot).show_list(listing, self.row)
            self.query_one(KeyBar).show_keys(
                RUN_LIST, {}, not self.readonly, app_of(self.app).mapped
            )
