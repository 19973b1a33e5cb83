"""Selecting charts: by arrow, by tab, by page, by filter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from asgml.storage.format.safe_text import safe
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.base import ChartActions, ChartScreen, Handler
from asgml.tui.screens.actions.cursor import CursorActions
from asgml.tui.screens.dialogs import Prompt
from asgml.tui.widgets.grid import page_of


class SelectionActions(ChartActions):
    """Handlers that select a chart. While the cursor is shown, left and right move it instead."""

    def __init__(self, view: View, screen: ChartScreen, cursor: CursorActions) -> None:
        super().__init__(view, screen)
        self._cursor = cursor

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "left": partial(self._move_sideways, -1),
            "right": partial(self._move_sideways, 1),
            "up": partial(self._move_rows, -1),
            "down": partial(self._move_rows, 1),
            "next_chart": partial(self._cycle, 1),
            "previous_chart": partial(self._cycle, -1),
            "next_page": partial(self._turn_page, 1),
            "previous_page": partial(self._turn_page, -1),
            "filter": self._ask_filter,
        }

    def select(self, number: int) -> None:
        """Select the chart of this number, or the nearest there is."""
        self._view.selected = min(max(number, 0), max(len(self._screen.panels) - 1, 0))
        self._screen.draw()

    def select_on_page(self, place: int) -> None:
        """Select the chart at this place of the page that is shown."""
        per_page = self._screen.grid.per_page
        self.select(page_of(self._view.selected, per_page) * per_page + place)

    def keep_selected(self, before: list[Panel]) -> None:
        """Keep the selected chart where charts of a new scene come before it."""
        selected, titles = self._view.selected, [panel.title for panel in self._screen.panels]
        if 0 < selected < len(before) and before[selected].title in titles:
            self._view.selected = titles.index(before[selected].title)

    def _move_sideways(self, columns: int) -> None:
        if self._view.cursor is not None:
            self._cursor.move(columns)
        else:
            self.select(self._view.selected + columns)

    def _move_rows(self, rows: int) -> None:
        self.select(self._view.selected + rows * max(self._screen.grid.shape[0], 1))

    def _cycle(self, charts: int) -> None:
        self.select((self._view.selected + charts) % max(len(self._screen.panels), 1))

    def _turn_page(self, pages: int) -> None:
        per_page = self._screen.grid.per_page
        self.select((page_of(self._view.selected, per_page) + pages) * per_page)

    def _ask_filter(self) -> None:
        def apply(text: str | None) -> None:
            if text is not None:
                self._view.filter_text = safe(text.strip())
                self.select(0)

        hint = "words in the name of a chart or a metric; nothing shows all"
        self._screen.app.push_screen(Prompt("Show only", hint, self._view.filter_text), apply)
