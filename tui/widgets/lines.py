"""Lines of text that are redrawn one by one, only where they changed."""

from __future__ import annotations

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from asgml.tui.terminal.app_protocol import Redrawable, app_of
from asgml.tui.terminal.theme import Styles

_console = Console(width=400, markup=False, highlight=False, emoji=False)
"""Resolves the styles of texts; nothing is printed on it."""


class Lines(Widget):
    """A widget of plain lines. No markup is ever read from them: names and notes are untrusted."""

    DEFAULT_CSS = "Lines { height: auto; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[Text] = []
        self._shown_for: object = None
        self._base: Style | None = None

    @property
    def theme_styles(self) -> Styles:
        """The styles of the theme that is on now; `styles` are Textual's own."""
        return app_of(self.app).theme_styles

    def show(self, rows: list[Text]) -> None:
        """Show these lines, and refresh those that differ from the ones before."""
        old, self._rows = self._rows, rows
        if not self.is_mounted:
            return
        # A widget of height auto moves its neighbours when it gets another number of lines.
        if len(old) != len(rows) and self.styles.height is not None and self.styles.height.is_auto:
            self.refresh(layout=True)
            return
        # Line by line: Textual sends every row of a region that is refreshed.
        places = range(max(len(old), len(rows)))
        changed = [row for row in places if _row_key(old, row) != _row_key(rows, row)]
        if changed:
            self.refresh(*(Region(0, row, self.size.width, 1) for row in changed))

    def stale(self, *facts: object) -> bool:
        """Return True where the facts, the size or the theme differ from those of the last call.

        Comparing facts costs less than making lines.
        """
        key = (self.size, id(self.theme_styles), facts)
        if key == self._shown_for:
            return False
        self._shown_for = key
        return True

    @property
    def base(self) -> Style:
        """The widget's own style, kept: computing it walks through all widgets around this one."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def notify_style_update(self) -> None:
        """Compute the widget's own style again when it is next used."""
        self._base = None
        super().notify_style_update()

    def on_resize(self) -> None:
        """Have the screen draw again: it decides what fits."""
        screen = self.screen
        if isinstance(screen, Redrawable):
            screen.draw()

    @property
    def plain(self) -> list[str]:
        """The lines that are shown, without styles."""
        return [row.plain for row in self._rows]

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """Return the number of lines, for a height of `auto`."""
        return len(self._rows)

    def render_line(self, y: int) -> Strip:
        """Return row `y` of the widget."""
        width = self.size.width
        if y >= len(self._rows):
            return Strip.blank(width, self.base)
        return to_strip(self._rows[y], width, self.base)


def _row_key(rows: list[Text], row: int) -> object:
    return (rows[row].plain, rows[row].spans, rows[row].style) if row < len(rows) else None


def to_strip(text: Text, width: int, base: Style) -> Strip:
    """Return a line in exactly `width` cells, on the widget's own background."""
    base_style = base + _console.get_style(text.style)
    segments = [
        Segment(piece.text, base_style + piece.style if piece.style else base_style)
        for piece in text.render(_console, end="")
        if piece.text
    ]
    return Strip(segments).adjust_cell_length(width, base)


def wrapped(text: Text, width: int) -> list[Text]:
    """Return a line as one or more lines of at most `width` cells, the later ones indented."""
    first, *rest = text.wrap(_console, width) or [text]
    if not rest:
        return [first]
    # Joined and wrapped again, for the indent takes 3 cells of each later line.
    below = Text(" ").join(rest).wrap(_console, width - 3)
    return [first, *(Text("   ", text.style).append_text(line) for line in below)]
