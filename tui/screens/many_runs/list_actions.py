"""What is listed, in which order: moving, marking, filter, sorting, groups, archived runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from rich.text import Text

from asgml.storage.format.safe_text import one_line
from asgml.storage.runs.lookup import better_end
from asgml.tui.scene.run_filter import FilterError, read_filter
from asgml.tui.scene.run_sorting import best_line, sortable_columns
from asgml.tui.screens.actions.base import Handler
from asgml.tui.screens.lists import ListScreen
from asgml.tui.screens.many_runs.base import ListActionGroup
from asgml.tui.screens.many_runs.filter_line import FilterLine

_FAR = 1 << 40


class ListActions(ListActionGroup):
    """Handlers that change what is listed and where the selection stands."""

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "up": partial(self._move, -1),
            "down": partial(self._move, 1),
            "page_up": partial(self._turn, -1),
            "page_down": partial(self._turn, 1),
            "first": partial(self._move, -_FAR),
            "last": partial(self._move, _FAR),
            "mark": self._mark,
            "filter": self._ask_filter,
            "sort": self._ask_sort,
            "group": self._group,
            "archived": self._archived,
            "trials": self._trials,
            "best": self._best,
        }

    def _move(self, lines: int) -> None:
        self._screen.move_to(self._screen.place + lines)

    def _turn(self, pages: int) -> None:
        self._move(pages * max(self._screen.page - 1, 1))

    def _mark(self) -> None:
        """Mark all runs of the line, or none where all are marked; go to the next line."""
        row = self._screen.row
        if row is not None:
            paths = set(row.paths)
            if paths <= self._screen.marked:
                self._screen.marked -= paths
            else:
                self._screen.marked |= paths
            self._move(1)

    def _ask_filter(self) -> None:
        before = self._screen.options

        def preview(text: str) -> None:
            self._screen.choose(replace(before, filter_text=text.strip()))

        def take(text: str | None) -> None:
            self._screen.choose(before if text is None else replace(before, filter_text=text))

        line = FilterLine(before.filter_text, filter_fault, preview)
        self._screen.app.push_screen(line, take)

    def _ask_sort(self) -> None:
        listing, options = self._screen.listing, self._screen.options
        names = sortable_columns(listing.rows, listing.differing)

        def sort(number: int | None) -> None:
            if number is not None:
                self._sort_by(names[number])

        rows = [
            Text(f"{'* ' if name == options.sort else '  '}{one_line(name) or 'newest first'}")
            for name in names
        ]
        hint = "enter sorts; the same column again turns the order round · esc back"
        self._screen.app.push_screen(ListScreen("Sort by", rows, hint, ""), sort)

    def _sort_by(self, name: str) -> None:
        options = self._screen.options
        if name == options.sort:
            descending = not options.descending
        else:
            records = [row.records[0] for row in self._screen.listing.rows]
            descending = name not in ("name", "state") and better_end(records, name) != "low"
        self._screen.choose(replace(options, sort=name, descending=descending), first=True)

    def _group(self) -> None:
        self._screen.choose(replace(self._screen.options, grouped=not self._screen.options.grouped))

    def _archived(self) -> None:
        options = self._screen.options
        self._screen.choose(replace(options, archived=not options.archived))

    def _trials(self) -> None:
        options = self._screen.options
        self._screen.choose(replace(options, trials=not options.trials))

    def _best(self) -> None:
        place = best_line(self._screen.listing.rows, self._screen.options)
        if place is None:
            self._screen.show_message("no run has a value yet", "warning")
        else:
            self._screen.move_to(place)


def filter_fault(text: str) -> str:
    """Return why a text is no filter, "" for a good one."""
    try:
        read_filter(text)
    except FilterError as error:
        return one_line(error)
    return ""
