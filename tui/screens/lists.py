"""Lists on the whole screen: rows to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from asgml.tui.screens.dialog_sizes import HEIGHTS, hidden_rows
from asgml.tui.terminal.app_protocol import app_of

_MOST = 1000
"""Rows that are offered; lists of events begin with the newest."""


class ListScreen(ModalScreen[int | None]):
    """Rows to choose from; the answer is the row's number."""

    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", show=False),
        Binding("j", "cursor(1)", show=False),
        Binding("k", "cursor(-1)", show=False),
    ]

    def __init__(self, title: str, rows: Sequence[Text], hint: str, empty: str) -> None:
        super().__init__()
        self._title, self._rows, self._hint, self._empty = title, rows[:_MOST], hint, empty

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog list"):
            yield Static(Text(self._title, "bold"))
            if self._rows:
                yield OptionList(*(Option(row) for row in self._rows), markup=False)
            else:
                yield Static(Text(self._empty))
            yield Static(Text(self._hint), id="foot", classes="hint", markup=False)

    def on_mount(self) -> None:
        for choices in self.query(OptionList):
            self.watch(choices, "scroll_y", self._count, init=False)
            self.watch(choices, "virtual_size", self._count, init=False)
        self._count()

    def on_resize(self) -> None:
        self._count()

    def _count(self) -> None:
        """Say in the lowest line how many rows are out of sight."""
        self.call_after_refresh(self._show_count)

    def _show_count(self) -> None:
        for choices in self.query(OptionList):
            hidden = hidden_rows(choices, app_of(self.app).theme_styles)
            self.query_one("#foot", Static).update(hidden.append(self._hint, "none"))

    def action_cursor(self, step: int) -> None:
        for choices in self.query(OptionList):
            choices.action_cursor_down() if step > 0 else choices.action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index)
