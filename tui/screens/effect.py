"""Did it help? The run on screen beside the baseline runs of its protocol, by modality."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from asgml.storage.format.safe_text import one_line
from asgml.tui.terminal.app_protocol import app_of

_WIDEST = 116


class EffectScreen(ModalScreen[None]):
    """The effect of one run, read once when it is opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,b,enter", "dismiss(None)", show=False),
    ]

    def __init__(self, run: Path) -> None:
        super().__init__()
        self._run = run

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog list"):
            yield Static(Text("Did it help?", "bold"))
            with VerticalScroll():
                yield Static(Text("reading the runs beside this one …"), id="effect")
            yield Static(Text("esc back"), classes="hint")

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self._read()

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read(self) -> None:
        from asgml.storage.runs.reading import UNREADABLE
        from asgml.storage.statistics.run_effect import effect_in_folder
        from asgml.tui.widgets.effect_lines import effect_lines

        width = min(_WIDEST, self.app.size.width - 8)
        try:
            rows = effect_lines(effect_in_folder(self._run), app_of(self.app).theme_styles, width)
        except UNREADABLE as error:
            rows = [Text(f"the runs beside this one cannot be read: {one_line(str(error))}")]
        self.app.call_from_thread(self._show, rows)

    def _show(self, rows: list[Text]) -> None:
        if self.is_mounted:
            self.query_one("#effect", Static).update(Text("\n").join(rows))
