"""Lines in a frame, with a title and a legend in its upper edge."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.message import Message

from asgml.tui.terminal.format import clip
from asgml.tui.terminal.theme import Styles
from asgml.tui.widgets.lines import Lines


class Box(Lines):
    """Lines in a frame with a title on the left and a legend on the right of its upper edge."""

    DEFAULT_CSS = "Box { height: 1fr; }"

    def __init__(
        self, title: str = "", *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.title = title
        self._edge = 0  # rows above the body

    def show_bare(self, rows: list[Text]) -> None:
        """Show lines without a frame."""
        self._edge = 0
        self.show(rows)

    def show_box(self, body: list[Text], legend: Text | None = None) -> None:
        """Show `body` inside the frame; what does not fit is left out below."""
        if self.size.width >= 4 and self.size.height >= 2:
            self._edge = 1
            self.show(framed(body, self.title, legend, self.size, self.theme_styles))

    @property
    def inner(self) -> tuple[int, int]:
        """Columns and rows inside the frame."""
        # a column for the frame and one for a space on each side
        return max(self.size.width - 4, 0), max(self.size.height - 2, 0)


class ListBox(Box):
    """A box whose lines stand for something, in `picks`, that a click on one is about."""

    class Picked(Message):
        """A line was clicked that stands for `pick`."""

        def __init__(self, pick: object) -> None:
            super().__init__()
            self.pick = pick

    picks: Sequence[object] = ()

    def on_click(self, event: events.Click) -> None:
        place = event.y - self._edge
        if 0 <= place < len(self.picks):
            self.post_message(self.Picked(self.picks[place]))


def framed(
    body: list[Text], title: str, legend: Text | None, size: tuple[int, int], styles: Styles
) -> list[Text]:
    """Return a frame of `size` = (columns, rows) around the lines of `body`."""
    width, height = size
    edge, glyphs = styles.frame, styles.glyphs
    rows = [top_edge(title, legend, width, styles)]
    for row in range(height - 2):
        line = Text("").append(f"{glyphs.vertical} ", edge)
        content = body[row].copy() if row < len(body) else Text("")
        content.truncate(width - 4, overflow="ellipsis", pad=True)
        rows.append(line.append_text(content).append(f" {glyphs.vertical}", edge))
    left, right = glyphs.corners[2], glyphs.corners[3]
    rows.append(Text(left + glyphs.horizontal * (width - 2) + right, edge))
    return rows


def top_edge(
    title: str,
    legend: Text | None,
    width: int,
    styles: Styles,
    selected: bool = False,
    note: str = "",
) -> Text:
    """Return `╭─ note ─ title ───── legend ─╮` in `width` cells; the legend gives way first."""
    edge = styles.selected if selected else styles.frame
    left, right, bar = *styles.glyphs.corners[:2], styles.glyphs.horizontal
    row = Text("").append(f"{left}{bar}", edge)
    if note:
        row.append(f" {note} ", styles.muted).append(bar, edge)
    name = clip(title, max(width - row.cell_len - 4, 0))
    row.append(" " if name else "", edge)
    row.append(f"{name} " if name else "", styles.selected if selected else styles.title)
    room = width - row.cell_len - 1
    shown = legend if legend is not None and 0 < legend.cell_len <= room - 4 else None
    if shown is None:
        return row.append(bar * room, edge).append(right, edge)
    row.append(bar * (room - shown.cell_len - 3), edge)
    row.append(" ").append_text(shown).append(" ").append(bar, edge)
    return row.append(right, edge)
