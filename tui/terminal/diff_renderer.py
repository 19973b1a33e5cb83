"""Send the terminal only the cells that differ from those on its screen.

Textual resends a whole row of a widget when one of its cells changes. Over SSH most of a
dashboard's bytes are such repetitions, so every update is compared, cell by cell, with a copy of
the screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

from asgml.tui.terminal.ansi import AnsiWriter, Cell, PlacedCell

_BRIDGE = 4
"""So many unchanged cells cost fewer bytes than moving the cursor over them (`ESC[12;140H`)."""


class TerminalUpdate(CompositorUpdate):
    """An update that is ready to be written."""

    def __init__(self, sequence: str) -> None:
        self._sequence = sequence

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self._sequence)

    def render_segments(self, console: Console) -> str:
        """Return the bytes for the terminal, as text."""
        return self._sequence


class DiffRenderer:
    """A copy of the terminal's screen, and how to bring the terminal up to date."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[int, Cell]] = {}

    def forget(self) -> None:
        """Send the next update whole: the terminal was resized, or woke up."""
        self._rows.clear()

    def changes(self, update: object, console: Console) -> TerminalUpdate | None:
        """Return what has to be written for an update, None where the terminal shows it already.

        Raise TypeError where Textual sends a kind of update that is not known here.
        """
        by_style: dict[Style | None, list[tuple[int, list[PlacedCell]]]] = {}
        for row, column, strips in _spans(update):
            for run in self._differing(row, column, strips):
                by_style.setdefault(run[0][1][1], []).append((row, run))
        if not by_style:
            return None
        writer = AnsiWriter(console._color_system or ColorSystem.TRUECOLOR)
        # a change of style costs more bytes than all else of a number: those of one style together
        for runs in by_style.values():
            for row, run in runs:
                writer.write(row, run)
        return TerminalUpdate(writer.finished())

    def _differing(
        self, row: int, column: int, strips: Iterable[Strip]
    ) -> Iterator[list[PlacedCell]]:
        """Yield runs of cells to write, and bring the copy of the screen up to date."""
        shown = self._rows.setdefault(row, {})
        run: list[PlacedCell] = []
        same: list[PlacedCell] = []
        for place, cell in _cells(column, strips):
            if shown.get(place) == cell:
                same.append((place, cell))
                continue
            shown[place] = cell
            if run and len(same) > _BRIDGE:
                yield run
                run = []
            run += same if run else _left_half(cell, same)
            run.append((place, cell))
            same = []
        if run:
            yield run


def _left_half(cell: Cell, before: list[PlacedCell]) -> list[PlacedCell]:
    """Return the cell before the right half of a wide character: a half cannot be written alone."""
    return [] if cell[0] else before[-1:]


def _spans(update: object) -> Iterator[tuple[int, int, Iterable[Strip]]]:
    """Yield row, first column and strips of everything that was rendered anew."""
    if isinstance(update, LayoutUpdate):
        for row, strips in enumerate(update.strips, update.region.y):
            yield row, update.region.x, strips
    elif isinstance(update, ChopsUpdate):
        yield from _chops(update)
    else:
        raise TypeError(type(update).__name__)


def _chops(update: ChopsUpdate) -> Iterator[tuple[int, int, Iterable[Strip]]]:
    for row, first, last in update.spans:
        strips = zip(update.chop_ends[row], update.chops[row].items(), strict=False)
        for end, (column, strip) in strips:
            # Strips outside the span belong to the row, but were not rendered anew.
            if strip is not None and column < last and end > first:
                yield row, column, [strip]


def _cells(column: int, strips: Iterable[Strip]) -> Iterator[PlacedCell]:
    """Yield the cells of strips that begin at `column`."""
    for text, style, control in (segment for strip in strips for segment in strip):
        if control:
            continue
        if text.isascii() or cell_len(text) == len(text):
            for character in text:
                yield column, (character, style)
                column += 1
        else:
            yield from _wide_cells(column, text, style)
            column += cell_len(text)


def _wide_cells(column: int, text: str, style: Style | None) -> Iterator[PlacedCell]:
    """Yield the cells of a text with wide characters and combining marks, which stay together."""
    place, held = column, ""
    for character in text:
        if cell_len(character) == 0:
            held += character
            continue
        if held:
            yield from _character(place, held, style)
            place += cell_len(held)
        held = character
    if held:
        yield from _character(place, held, style)


def _character(place: int, text: str, style: Style | None) -> Iterator[PlacedCell]:
    yield place, (text, style)
    if cell_len(text) == 2:
        yield place + 1, ("", style)
