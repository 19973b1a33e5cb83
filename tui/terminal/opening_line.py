"""The first frame: what is being opened, until the screens that show it are loaded."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from asgml.tui.terminal.held_terminal import opening_text


class OpeningLine(Widget):
    """One line in the place of the status line."""

    DEFAULT_CSS = "OpeningLine { height: 1; }"

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name_of_run = name

    def render(self) -> Text:
        return Text(opening_text(self._name_of_run), no_wrap=True)
