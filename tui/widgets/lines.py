"""Lines of text that are redrawn one by one, only where they changed; with or without a frame."""

from __future__ import annotations

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from asgml.tui.terminal.app_protocol import Redrawable, app_of
from asgml.tui.terminal.format import clip
from asgml.tui.terminal.theme import Styles

_console = Console(width=400, markup=False, highlight=False, emoji=False)
"""Only looks styles up; nothing is printed on it."""


class Lines(Widget):
    """A widget of plain lines. Text is shown as it is: no markup is ever read from it."""

    DEFAULT_CSS = "Lines { height: auto; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[Text] = []
        self._shown_for: object = None
        self._base: Style | None = None

    @property
    def theme_styles(self) -> Styles:
        """Styles of the theme that is on now."""
        return app_of(self.app).theme_styles

    def show(self, rows: list[Text]) -> None:
        """Shows these lines; those that are the same as before are left alone."""
        old, self._rows = self._rows, rows
        if not self.is_mounted:
            return
        if len(old) != len(rows) and self.styles.height is not None and self.styles.height.is_auto:
            self.refresh(layout=True)
            return
        changed = [
            row for row in range(max(len(old), len(rows))) if _row(old, row) != _row(rows, row)
        ]
        if changed:
            self.refresh(*(Region(0, row, self.size.width, 1) for row in changed))

    def stale(self, *facts: object) -> bool:
        """Whether these facts differ from those the lines were last made for. Making lines costs more than comparing facts."""
        key = (self.size, id(self.theme_styles), facts)
        if key == self._shown_for:
            return False
        self._shown_for = key
        return True

    @property
    def base(self) -> Style:
        """The widget's own style. To work it out walks through all that the widget lies in, so it is kept."""
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def notify_style_update(self) -> None:
        self._base = None
        super().notify_style_update()

    def on_resize(self) -> None:
        """The room has changed, and with it what fits."""
        screen = self.screen
        if isinstance(screen, Redrawable):
            screen.draw()

    @property
    def plain(self) -> list[str]:
        """What is shown, without styles."""
        return [row.plain for row in self._rows]

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self._rows)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self._rows):
            return Strip.blank(width, self.base)
        return to_strip(self._rows[y], width, self.base)


def _row(rows: list[Text], row: int) -> object:
    return (rows[row].plain, rows[row].spans, rows[row].style) if row < len(rows) else None


def to_strip(text: Text, width: int, base: Style) -> Strip:
    """A line of exactly `width` cells on the widget's own background."""
    base_style = base + _console.get_style(text.style)
    segments = [
        Segment(part.text, base_style + part.style if part.style else base_style)
        for part in text.render(_console, end="")
        if part.text
    ]
    return Strip(segments).adjust_cell_length(width, base)


def wrapped(text: Text, width: int) -> list[Text]:
    """The line in as many lines as it takes; the later ones are set in."""
    first, *rest = text.wrap(_console, width) or [text]
    if not rest:
        return [first]
    below = Text(" ").join(rest).wrap(_console, width - 3)
    return [first, *(Text("   ", text.style).append_text(line) for line in below)]


class Box(Lines):
    """Lines in a frame with a title on the left and a legend on the right of its upper edge."""

    DEFAULT_CSS = "Box { height: 1fr; }"

    def __init__(
        self, title: str = "", *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.title = title

    def show_box(self, body: list[Text], legend: Text | None = None, hot: bool = False) -> None:
        """Shows `body` inside the frame; what does not fit is left out below."""
        width, height = self.size
        if width < 4 or height < 2:
            return
        self.show(framed(body, self.title, legend, width, height, self.theme_styles, hot))

    @property
    def inner(self) -> tuple[int, int]:
        """Columns and rows inside the frame."""
        return max(self.size.width - 4, 0), max(self.size.height - 2, 0)


def framed(
    body: list[Text],
    title: str,
    legend: Text | None,
    width: int,
    height: int,
    styles: Styles,
    hot: bool = False,
) -> list[Text]:
    edge = styles.selected if hot else styles.frame
    rows = [top_edge(title, legend, width, styles, hot)]
    side = styles.glyphs.vertical
    for row in range(height - 2):
        line = Text("").append(f"{side} ", edge)
        content = body[row].copy() if row < len(body) else Text("")
        content.truncate(width - 4, overflow="ellipsis", pad=True)
        rows.append(line.append_text(content).append(f" {side}", edge))
    left, right = styles.glyphs.corners[2], styles.glyphs.corners[3]
    rows.append(Text(left + styles.glyphs.horizontal * (width - 2) + right, edge))
    return rows


def top_edge(
    title: str, legend: Text | None, width: int, styles: Styles, hot: bool = False
) -> Text:
    """`╭─ title ───── legend ─╮`; the legend gives way first."""
    edge = styles.selected if hot else styles.frame
    left, right, bar = styles.glyphs.corners[0], styles.glyphs.corners[1], styles.glyphs.horizontal
    name = clip(title, max(width - 6, 0))
    row = Text("").append(f"{left}{bar} " if name else f"{left}{bar}", edge)
    row.append(f"{name} " if name else "", styles.selected if hot else styles.title)
    room = width - row.cell_len - 1
    shown = legend.copy() if legend is not None and legend.cell_len + 4 <= room else Text("")
    tail = shown.cell_len + 3 if shown.cell_len else 0
    row.append(bar * (room - tail), edge)
    if tail:
        row.append(" ").append_text(shown).append(" ").append(bar, edge)
    return row.append(right, edge)
