"""The handlers of the keys on the screen that compares runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol

from rich.text import Text

from asgml.tui.keys.row import COMPARISON
from asgml.tui.keys.table import keys_for
from asgml.tui.scene.comparison import MOST, Comparison
from asgml.tui.scene.comparison_view import ComparisonView
from asgml.tui.screens.actions.base import ChartScreen, Handler, KeyHandlers
from asgml.tui.screens.actions.cursor import CursorActions
from asgml.tui.screens.actions.pointer import PointerActions
from asgml.tui.screens.actions.program import ProgramActions
from asgml.tui.screens.actions.selection import SelectionActions
from asgml.tui.screens.actions.window import WindowActions
from asgml.tui.screens.lists import ListScreen
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.widgets.comparison_tables import settings_rows, statistics_rows, statistics_title

if TYPE_CHECKING:
    from asgml.tui.session.comparison_session import ComparisonSession

_DIALOG_WIDTH = 110
"""Cells of a row of a table on the whole screen, where the terminal is as wide."""


class ComparingScreen(ChartScreen, Protocol):
    """The screen as these handlers use it."""

    @property
    def comparison(self) -> Comparison: ...

    def leave(self) -> None:
        """Go back to the screen that this one was opened from, if there is one."""


class ComparisonActions(KeyHandlers):
    """Handlers of every row that exists on this screen."""

    def __init__(
        self, session: ComparisonSession, view: ComparisonView, screen: ComparingScreen
    ) -> None:
        self._session = session
        self._view = view
        self._screen = screen
        cursor, window = CursorActions(view, screen), WindowActions(view, screen)
        self.selection = SelectionActions(view, screen, cursor)
        self.pointer = PointerActions(view, screen, self.selection, cursor, window)
        self.groups: tuple[KeyHandlers, ...] = (
            self,
            self.selection,
            window,
            cursor,
            ProgramActions(view, screen),
        )
        handlers = {id: run for group in self.groups for id, run in group.handlers().items()}
        # looked up by row: a row without a handler fails here, not when its key is pressed
        self._by_id = {key.id: handlers[key.id] for key in keys_for(COMPARISON)}

    def run(self, id: str) -> None:
        """Run the handler of a row of the table of keys."""
        self._by_id[id]()

    def handlers(self) -> Mapping[str, Handler]:
        hide = {f"hide_{place + 1}": partial(self._flip_hidden, place) for place in range(MOST)}
        return hide | {
            "open": self._open,
            "back": self._back,
            "group": self._flip_groups,
            "band": self._next_band,
            "split": self._flip_split,
            "baseline": self._session.next_baseline,
            "settings": lambda: self._show_table("Settings that differ", settings_rows),
            "statistics": self._show_statistics,
        }

    def _open(self) -> None:
        if self._screen.panels:
            self._screen.set_solo(not self._view.solo)

    def _back(self) -> None:
        """Undo one thing: the cursor, the single chart, the filter; else leave."""
        view = self._view
        if view.cursor is not None:
            view.cursor = None
        elif view.solo:
            self._screen.set_solo(False)
        elif view.filter_text:
            view.filter_text = ""
        else:
            self._screen.leave()
        self._screen.draw()

    def _flip_groups(self) -> None:
        self._view.hidden.clear()  # the places are those of other subjects now
        self._session.flip_groups()

    def _next_band(self) -> None:
        if not any(subject.is_group for subject in self._screen.comparison.subjects):
            self._screen.show_message("a band needs a group: two runs or more of equal settings")
            return
        self._view.next_band()
        self._screen.draw()

    def _flip_split(self) -> None:
        self._view.split = not self._view.split
        self._view.selected = 0
        self._screen.draw()

    def _flip_hidden(self, place: int) -> None:
        if any(subject.place == place for subject in self._screen.comparison.subjects):
            self._view.flip_hidden(place)
            self._screen.draw()

    def _show_statistics(self) -> None:
        self._show_table(statistics_title(self._screen.comparison), statistics_rows)

    def _show_table(self, title: str, rows_of: Callable[..., list[Text]]) -> None:
        app = self._screen.app
        width = min(_DIALOG_WIDTH, app.size.width - 8)
        rows = rows_of(self._screen.comparison, app_of(app).theme_styles, width)
        app.push_screen(ListScreen(title, rows, "esc back", "nothing to show"))
