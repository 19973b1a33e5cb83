"""The line in which the filter is typed: the list follows, a fault is told while it is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

_HINT = "words or patterns, or `method=boost and val>0.7` · enter keeps it · esc forgets it"


class FilterLine(ModalScreen[str | None]):
    """A line of input at the bottom. `fault` tells what is wrong with a text, "" for nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", show=False)]

    def __init__(
        self, initial: str, fault: Callable[[str], str], preview: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._initial, self._fault, self._preview = initial, fault, preview

    def compose(self) -> ComposeResult:
        with Vertical(id="filter"):
            yield Input(self._initial, select_on_focus=False)
            yield Static(Text(_HINT), id="told", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        fault = self._fault(event.value)
        told = self.query_one("#told", Static)
        told.update(Text(fault or _HINT))
        told.set_class(bool(fault), "fault")
        if not fault:
            self._preview(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if not self._fault(event.value):
            self.dismiss(event.value.strip())
