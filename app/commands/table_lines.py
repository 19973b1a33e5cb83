"""A table as lines of text of a given width: columns are shortened, then left out, by rank.

Not rich's table: 10,000 rows take it seconds, and it shortens all columns alike.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field

from asgml.app.output import cut_sign, plain_output
from asgml.storage.format.plain_text import plain_text

GAP = 2
"""Cells between two columns."""
CODES = {"green": "32", "yellow": "33", "red": "31", "blue": "34", "dim": "2", "bold": "1"}


@dataclass(frozen=True)
class Column:
    """One column. Texts are safe to print.

    `rank`: columns of the highest rank are left out first, those of rank 0 never. `least`: width
    that it may be shortened to.
    """

    heading: str
    cells: Sequence[str]
    rank: int = 0
    right: bool = False
    least: int = 0
    styles: Sequence[str] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if plain_output():  # before anything is laid out: -> is wider than an arrow
            object.__setattr__(self, "heading", plain_text(self.heading))
            object.__setattr__(self, "cells", [plain_text(text) for text in self.cells])

    @functools.cached_property
    def width(self) -> int:
        return max(cell_len(text) for text in (self.heading, *self.cells))


def table_lines(columns: Sequence[Column], width: int, coloured: bool) -> list[str]:
    """Return the heading and one line for each row, none wider than `width`."""
    widths = _fitted(columns, width)
    heads = (_padded(c.heading, w, c.right) for c, w in zip(columns, widths, strict=True))
    lines = [_styled((" " * GAP).join(heads).rstrip(), "bold", coloured)]
    for row in range(len(columns[0].cells)):
        cells = []
        for column, room in zip(columns, widths, strict=True):
            text = _padded(column.cells[row], room, column.right)
            cells.append(_styled(text, column.styles[row] if column.styles else "", coloured))
        lines.append((" " * GAP).join(cells).rstrip())
    return lines


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """Return the columns that fit into a width, each at its least width if need be."""
    kept = list(columns)
    while sum(_least(column) for column in kept) + GAP * (len(kept) - 1) > width:
        highest = max(column.rank for column in kept)
        if not highest:
            break
        # of equal rank the last one goes first
        del kept[max(place for place, column in enumerate(kept) if column.rank == highest)]
    return kept


def shortened(text: str, width: int) -> str:
    """Return text in at most `width` cells; its middle is left out, for names differ at ends."""
    if cell_len(text) <= width:
        return text
    if width <= 1:
        return cut_sign()[:width]
    end = (width - 1) // 3
    return _begin(text, width - 1 - end) + cut_sign() + _begin(text[::-1], end)[::-1]


def cell_len(text: str) -> int:
    """Return the cells that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _begin(text: str, width: int) -> str:
    """Return the longest beginning of at most `width` cells."""
    taken = 0
    for place, character in enumerate(text):
        taken += cell_len(character)
        if taken > width:
            return text[:place]
    return text


def _fitted(columns: Sequence[Column], width: int) -> list[int]:
    """Return the widths; what is too much is taken from the widest that can be shortened."""
    widths = [column.width for column in columns]
    over = sum(widths) + GAP * (len(widths) - 1) - width
    while over > 0:
        spare = [w - (column.least or w) for w, column in zip(widths, columns, strict=True)]
        most = max(range(len(widths)), key=lambda place: (spare[place] > 0, widths[place]))
        if spare[most] <= 0:
            break
        widths[most] -= 1
        over -= 1
    return widths


def _least(column: Column) -> int:
    return min(column.width, column.least) if column.least else column.width


def _padded(text: str, width: int, right: bool) -> str:
    text = shortened(text, width)
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def _styled(text: str, style: str, coloured: bool) -> str:
    return f"\x1b[{CODES[style]}m{text}\x1b[0m" if coloured and style in CODES else text
