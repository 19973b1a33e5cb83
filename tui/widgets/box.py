"""Lines in a frame, with a title and a legend in its upper edge."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text
from textual import events
from textual.message import Message

from asgml.tui.terminal.format import clip, count
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

    def show_box(
        self, body: list[Text], legend: Text | None = None, above: int = 0, below: int = 0
    ) -> None:
        """Show `body` inside the frame; its lower edge counts the lines that do not fit.

        `above` and `below`: lines that were left out of `body` already.
        """
        if self.size.width >= 4 and self.size.height >= 2:
            self._edge = 1
            below += max(len(body) - self.inner[1], 0)
            more = more_text(above, below, self.theme_styles)
            self.show(framed(body, self.title, legend, self.size, self.theme_styles, more))

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


def more_text(above: int, below: int, styles: Styles) -> str:
    """Return `↑ 3  ↓ 12 more`, the numbers of lines out of sight; "" where there are none."""
    up = f"{styles.glyph('↑', '^')} {count(above)}" if above else ""
    down = f"{styles.glyph('↓', 'v')} {count(below)}" if below else ""
    parts = "  ".join(part for part in (up, down) if part)
    return f"{parts} more" if parts else ""


def framed(
    body: list[Text],
    title: str,
    legend: Text | None,
    size: tuple[int, int],
    styles: Styles,
    more: str = "",
) -> list[Text]:
    """Return a frame of `size` = (columns, rows) around the lines of `body`.

    `more` stands in the lower edge.
    """
    width, height = size
    edge, glyphs = styles.frame, styles.glyphs
    rows = [top_edge(title, legend, width, styles)]
    for row in range(height - 2):
        line = Text("").append(f"{glyphs.vertical} ", edge)
        content = body[row].copy() if row < len(body) else Text("")
        content.truncate(width - 4, overflow="ellipsis", pad=True)
        rows.append(line.append_text(content).append(f" {glyphs.vertical}", edge))
    rows.append(_lower_edge(more, width, styles))
    return rows


def _lower_edge(more: str, width: int, styles: Styles) -> Text:
    edge, bar = styles.frame, styles.glyphs.horizontal
    left, right = styles.glyphs.corners[2], styles.glyphs.corners[3]
    shown = f" {more} " if more and cell_len(more) + 5 <= width else ""
    row = Text("").append(left + bar * (width - 3 - cell_len(shown)), edge)
    return row.append(shown, styles.muted).append(bar + right, edge)


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
