"""The wire to the terminal: sends only the cells that differ from what the terminal shows already.

Textual resends a whole row of a widget when one of its cells changes. Over SSH most of a dashboard's bytes are such
repetitions, so every update is compared, cell by cell, with a copy of the screen.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

Cell = tuple[str, Style | None]
"""A character and its style; the second cell of a wide character is the empty string."""

_BRIDGE = 4
"""So many unchanged cells cost fewer bytes than moving the cursor over them."""


class Sent(CompositorUpdate):
    """An update that is ready to be written."""

    def __init__(self, sequence: str) -> None:
        self._sequence = sequence

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self._sequence)

    def render_segments(self, console: Console) -> str:
        return self._sequence


class DiffRenderer:
    """A copy of the terminal's screen, and how to bring the terminal up to date."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[int, Cell]] = {}

    def forget(self) -> None:
        """The terminal shows something else now (resized, woken up): the next update is sent whole."""
        self._rows.clear()

    def changes(self, update: object, console: Console) -> Sent | None:
        """What has to be written for an update; None where the terminal shows it already, the update itself is not known."""
        if isinstance(update, LayoutUpdate):
            pieces = _whole_rows(update)
        elif isinstance(update, ChopsUpdate):
            pieces = _spans(update)
        else:
            raise TypeError(type(update).__name__)
        pen = Pen(console._color_system or ColorSystem.TRUECOLOR)
        for row, column, strips in pieces:
            for run in self._differing(row, column, strips):
                pen.write(row, run)
        return Sent(pen.finished()) if pen.pieces else None

    def _differing(
        self, row: int, column: int, strips: Iterable[Strip]
    ) -> Iterator[list[tuple[int, Cell]]]:
        """Runs of cells to write, each with its column. The copy of the screen is brought up to date on the way."""
        known = self._rows.setdefault(row, {})
        run: list[tuple[int, Cell]] = []
        same: list[tuple[int, Cell]] = []
        for place, cell in _cells(column, strips):
            if known.get(place) == cell:
                same.append((place, cell))
                continue
            known[place] = cell
            if run and len(same) > _BRIDGE:
                yield run
                run = []
            # half of a wide character cannot be written alone
            run = (
                [*run, *same, (place, cell)]
                if run
                else [*(same[-1:] if not cell[0] else []), (place, cell)]
            )
            same = []
        if run:
            yield run


def _whole_rows(update: LayoutUpdate) -> Iterator[tuple[int, int, Iterable[Strip]]]:
    for row, strips in enumerate(update.strips, update.region.y):
        yield row, update.region.x, strips


def _spans(update: ChopsUpdate) -> Iterator[tuple[int, int, Iterable[Strip]]]:
    for row, first, last in update.spans:
        for end, (column, strip) in zip(
            update.chop_ends[row], update.chops[row].items(), strict=False
        ):
            if (
                strip is not None and column < last and end > first
            ):  # other strips of the row were not rendered anew
                yield row, column, [strip]


def _cells(column: int, strips: Iterable[Strip]) -> Iterator[tuple[int, Cell]]:
    for strip in strips:
        for text, style, control in strip:
            if control:
                continue
            if text.isascii() or cell_len(text) == len(text):
                for character in text:
                    yield column, (character, style)
                    column += 1
            else:
                yield from _wide_cells(column, text, style)
                column += cell_len(text)


def _wide_cells(column: int, text: str, style: Style | None) -> Iterator[tuple[int, Cell]]:
    """Cells of a text with wide or combining characters; a combining mark stays with the character before it."""
    place, held = column, ""
    for character in text:
        width = cell_len(character)
        if width == 0:
            held += character
            continue
        if held:
            yield from _one(place, held, style)
            place += cell_len(held)
        held = character
    if held:
        yield from _one(place, held, style)


def _one(place: int, text: str, style: Style | None) -> Iterator[tuple[int, Cell]]:
    yield place, (text, style)
    if cell_len(text) == 2:
        yield place + 1, ("", style)


class Pen:
    """Writes runs of cells, and says of a style only what differs from the one before."""

    def __init__(self, system: ColorSystem) -> None:
        self.pieces: list[str] = []
        self._system = system
        self._style: Style | None = None

    def write(self, row: int, run: list[tuple[int, Cell]]) -> None:
        self.pieces.append(f"\x1b[{row + 1};{run[0][0] + 1}H")
        for _, (character, style) in run:
            if style is not self._style and style != self._style:
                self.pieces.append(self._change_to(style))
                self._style = style
            self.pieces.append(character)

    def finished(self) -> str:
        return "".join([*self.pieces, "\x1b[0m" if self._style is not None else ""])

    def _change_to(self, style: Style | None) -> str:
        old = self._style
        if style is None:
            return "\x1b[0m"
        if old is not None and _same_but_colour(old, style) and style.color is not None:
            return f"\x1b[{';'.join(style.color.downgrade(self._system).get_ansi_codes())}m"
        codes = Strip.render_ansi(style, self._system)
        return ("\x1b[0m" if old is not None else "") + (f"\x1b[{codes}m" if codes else "")


def _same_but_colour(old: Style, new: Style) -> bool:
    """True where only the colour of the letters differs."""
    return (
        old.bgcolor == new.bgcolor
        and old._attributes & old._set_attributes == new._attributes & new._set_attributes
    )


class ByteCounter:
    """How many bytes went to the terminal in the last minute."""

    def __init__(self) -> None:
        self.total = 0
        self._recent: deque[tuple[float, int]] = deque()

    def add(self, amount: int) -> None:
        now = time.monotonic()
        self.total += amount
        self._recent.append((now, amount))
        while self._recent and self._recent[0][0] < now - 60:
            self._recent.popleft()

    def per_minute(self) -> int:
        now = time.monotonic()
        return sum(amount for at, amount in self._recent if at >= now - 60)
