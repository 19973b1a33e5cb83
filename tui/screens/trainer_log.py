"""The trainer's output on the whole screen: followed, filtered by level and words."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import RichLog, Static

from asgml.storage.format.safe_text import safe
from asgml.storage.read.trainer_log import LEVELS, LogRecord, TrainerLog, at_least
from asgml.tui.screens.dialogs import Prompt
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.terminal.format import count

_EVERY = 0.5
"""Seconds between two looks at the file; nothing is drawn where it has not changed."""
_STYLES = {"DEBUG": "muted", "WARNING": "warn", "ERROR": "bad", "CRITICAL": "bad"}


class TrainerLogScreen(ModalScreen[None]):
    """The end of trainer.log. It follows what is new while its last line is in sight."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,T", "dismiss(None)", show=False),
        Binding("v", "next_level(1)", show=False),
        Binding("V", "next_level(-1)", show=False),
        Binding("slash", "search", show=False),
        Binding("f,G,end", "follow", show=False),
        *(
            Binding(key, f"scroll('{how}')", show=False)
            for key, how in (
                ("j,down", "down"),
                ("k,up", "up"),
                ("g,home", "home"),
                ("pagedown,space", "page_down"),
                ("pageup", "page_up"),
            )
        ),
    ]

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._log = TrainerLog(path)
        self._level, self._words = LEVELS[0], ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog list"):
            yield Static("", id="title", markup=False)
            yield RichLog(wrap=True, markup=False, highlight=False, min_width=1)
            hint = "v level · / words · f follow · j k g scroll · esc back"
            yield Static(Text(hint), classes="hint")

    def on_mount(self) -> None:
        self._read()
        self.set_interval(_EVERY, self._read)

    def on_resize(self) -> None:
        self._show()

    def action_next_level(self, places: int) -> None:
        self._level = LEVELS[(LEVELS.index(self._level) + places) % len(LEVELS)]
        self._show()

    def action_search(self) -> None:
        def search(text: str | None) -> None:
            if text is not None:
                self._words = safe(text.strip())
                self._show()

        hint = "words in a line, or anywhere in a traceback; nothing shows all"
        self.app.push_screen(Prompt("Show only", hint, self._words), search)

    def action_follow(self) -> None:
        self._lines.scroll_end(animate=False)

    def action_scroll(self, how: str) -> None:
        getattr(self._lines, f"scroll_{how}")(animate=False)

    @property
    def _lines(self) -> RichLog:
        return self.query_one(RichLog)

    # in a thread: the file may lie on a share that does not answer
    @work(thread=True, exclusive=True, exit_on_error=False)
    def _read(self) -> None:
        if self._log.refresh():
            self.app.call_from_thread(self._show)

    def _show(self) -> None:
        """Draw the records that pass; keep the place of someone who has scrolled back."""
        if not self.is_mounted or not self._lines.size.width:
            return
        records = at_least(self._log.records, self._level, self._words)
        self.query_one("#title", Static).update(self._title(len(records)))
        lines, styles = self._lines, app_of(self.app).theme_styles
        follows, place = lines.is_vertical_scroll_end, lines.scroll_y
        lines.clear()
        for record in records:
            lines.write(_text(record, styles), width=lines.size.width, scroll_end=False)
        if follows:
            lines.scroll_end(animate=False)
        else:
            lines.scroll_to(y=place, animate=False)

    def _title(self, shown: int) -> Text:
        log, text = self._log, Text("trainer.log", "bold")
        if log.problem:
            return text.append(f"  {log.problem}", "not bold")
        parts = [f"{count(shown)} of {count(len(log.records))} records"]
        parts += [f"{self._level} and graver"] if self._level != LEVELS[0] else []
        parts += [f"with “{self._words}”"] if self._words else []
        parts += [f"the {log.left_out} bytes before them left out"] if log.left_out else []
        return text.append(f"  {', '.join(parts)}", "not bold")


def _text(record: LogRecord, styles: object) -> Text:
    style = getattr(styles, _STYLES.get(record.level, "text"))
    return Text("\n".join(record.lines), style)
