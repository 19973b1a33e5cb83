"""Cells of the screen as ANSI escape sequences, and a count of the bytes that were sent."""

from __future__ import annotations

import time
from collections import deque

from rich.color import ColorSystem
from rich.style import Style
from textual.strip import Strip

Cell = tuple[str, Style | None]
"""A character and its style; the second cell of a wide character is the empty string."""
PlacedCell = tuple[int, Cell]
"""A column of the screen, and the cell in it."""

_RESET = "\x1b[0m"
_COUNTED_SECONDS = 60.0


class AnsiWriter:
    """The bytes of runs of cells; of each style only what differs from the one before."""

    def __init__(self, system: ColorSystem) -> None:
        self.pieces: list[str] = []
        self._system = system
        self._style: Style | None = None
        self._row, self._column = -1, -1

    def write(self, row: int, run: list[PlacedCell]) -> None:
        """Write neighbouring cells of a row; rows and columns count from 0."""
        self.pieces.append(self._move_to(row, run[0][0]))
        self._row, self._column = row, run[-1][0] + 1
        for _, (character, style) in run:
            # Most neighbours share the very object, and comparing styles is slow.
            if style is not self._style and style != self._style:
                self.pieces.append(self._change_to(style))
                self._style = style
            self.pieces.append(character)

    def finished(self) -> str:
        """Return everything written, and leave the terminal without a style."""
        return "".join([*self.pieces, _RESET if self._style is not None else ""])

    def _move_to(self, row: int, column: int) -> str:
        """Return the way from the end of the last run: on to the right, or anywhere."""
        cells = column - self._column
        if row != self._row or cells <= 0:
            return f"\x1b[{row + 1};{column + 1}H"
        return "\x1b[C" if cells == 1 else f"\x1b[{cells}C"

    def _change_to(self, style: Style | None) -> str:
        old = self._style
        if style is None:
            return _RESET
        if old is not None and _same_but_colour(old, style) and style.color is not None:
            return f"\x1b[{';'.join(style.color.downgrade(self._system).get_ansi_codes())}m"
        codes = Strip.render_ansi(style, self._system)
        return (_RESET if old is not None else "") + (f"\x1b[{codes}m" if codes else "")


def _same_but_colour(old: Style, new: Style) -> bool:
    """Return True where only the colour of the letters differs."""
    return (
        old.bgcolor == new.bgcolor
        and old._attributes & old._set_attributes == new._attributes & new._set_attributes
    )


class ByteCounter:
    """A count of the bytes that went to the terminal."""

    def __init__(self) -> None:
        self.total = 0
        self._recent: deque[tuple[float, int]] = deque()

    def add(self, amount: int) -> None:
        """Count so many bytes as sent now."""
        now = time.monotonic()
        self.total += amount
        self._recent.append((now, amount))
        while self._recent and self._recent[0][0] < now - _COUNTED_SECONDS:
            self._recent.popleft()

    def per_minute(self) -> int:
        """Return the bytes of the last 60 seconds."""
        begin = time.monotonic() - _COUNTED_SECONDS
        return sum(amount for moment, amount in self._recent if moment >= begin)
