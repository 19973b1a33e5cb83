"""Lines of which a part is in sight; its last line counts what lies above and below."""

from __future__ import annotations

from rich.text import Text
from textual import events

from asgml.tui.widgets.box import more_text
from asgml.tui.widgets.lines import Lines

_WHEEL = 3


class Scrolled(Lines):
    """Lines that are moved by `move`; nothing is cut off without a sign."""

    DEFAULT_CSS = "Scrolled { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Text] = []
        self.top = 0

    @property
    def page(self) -> int:
        """Lines in sight beside the one that counts the others."""
        rows = self.size.height
        return rows if len(self._lines) <= rows else max(rows - 1, 1)

    def show_lines(self, lines: list[Text]) -> None:
        """Show other lines, from their place so far or the nearest there is."""
        self._lines = lines
        self.move(0)

    def move(self, rows: int) -> None:
        """Move by so many rows, at most to either end."""
        self.top = max(min(self.top + rows, len(self._lines) - self.page), 0)
        shown = self._lines[self.top : self.top + self.page]
        below = len(self._lines) - self.top - len(shown)
        more = more_text(self.top, below, self.theme_styles)
        self.show([*shown, Text(f" {more}", self.theme_styles.key)] if more else shown)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.move(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.move(-_WHEEL)
