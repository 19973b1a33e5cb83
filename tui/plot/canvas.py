"""A plot as letters and style numbers: curves, then markers, faults, marks and the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.glyphs import Glyphs
from asgml.tui.plot.mark_placing import MARK, PlacedMark, add_labels
from asgml.tui.plot.raster import Raster

TEXT, FAULT, CURSOR = -1, -3, -4
"""Style numbers of what is no curve. Curves have the number of their layer, 0 and above."""
_MARKER_EVERY = 18
_FIRST_MARKER = 3
"""Columns between two markers of a curve, and before the first one."""
_MARKER_ROOM = 3
"""Columns for each marker, where there are many curves."""
_UNNAMED = "."
"""What an ASCII plot draws recorded values, bands and other runs with."""


@lru_cache(maxsize=8)
def _alphabet(letters: str) -> NDArray[np.str_]:
    return np.array(list(letters))


class Canvas:
    """The cells of one plot, drawn from the bottom up; marks and cursor fill empty cells only.

    `named` has the marker of each curve that gets one: a character, or a few.
    """

    def __init__(self, raster: Raster, glyphs: Glyphs, named: Mapping[int, str]) -> None:
        self.height, self.width = raster.owner.shape
        self._named = named
        self._raster = raster
        self._glyphs = glyphs
        self.styles = np.where(raster.owner >= 0, raster.owner, TEXT).astype(np.int16)
        self.letters = self._letters()
        self._labels = np.zeros((self.height, self.width), dtype=bool)

    def _letters(self) -> NDArray[np.str_]:
        owner = self._raster.owner
        letters: NDArray[np.str_] = _alphabet(self._glyphs.patterns)[self._raster.pattern]
        if self._glyphs.across == self._glyphs.down == 1:
            # In ASCII a cell is one dot: each curve is drawn with its own marker.
            for curve in np.unique(owner[owner >= 0]).tolist():
                letters[owner == curve] = self._named.get(curve, _UNNAMED)[0]
        letters[owner < 0] = " "
        return letters

    def add_markers(self) -> None:
        """Put a curve's marker on it every few columns, to tell curves apart without colour."""
        filled = np.flatnonzero((self._raster.owner >= 0).any(axis=0))
        if len(self._named) < 2 or len(filled) == 0:
            return
        # The newest columns stay free: a marker there would move with every step.
        end = int(filled[-1]) - 1
        every = max(_MARKER_EVERY, _MARKER_ROOM * len(self._named))
        for place, (curve, marker) in enumerate(self._named.items()):
            begin = _FIRST_MARKER + place * every // len(self._named)
            for column in range(begin, end, every):
                self._put_marker(curve, marker, column)

    def _put_marker(self, curve: int, marker: str, column: int) -> None:
        """Put a marker in the middle of the curve's stroke in this column, if it has one there."""
        rows = np.flatnonzero(self._raster.owner[:, column] == curve)
        end = min(column + len(marker), self.width)
        if len(rows):
            row = rows[len(rows) // 2]
            self.letters[row, column:end] = list(marker[: end - column])
            self.styles[row, column:end] = curve

    def add_marks(self, marks: Sequence[PlacedMark]) -> None:
        """Draw a line for each intervention, and its label where it hides nothing."""
        for column, kind, _ in marks:
            empty = self.letters[:, column] == " "
            sign = self._glyphs.mark if kind == "change" else self._glyphs.pause
            self.letters[empty, column], self.styles[empty, column] = sign, MARK
        self._labels = add_labels(self.letters, self.styles, marks)

    def add_faults(self) -> None:
        """Put a sign on the top row of each column with a value that is no finite number."""
        columns = np.flatnonzero(self._raster.bad >= 0)
        self.letters[0, columns], self.styles[0, columns] = self._glyphs.bad, FAULT

    def add_sunk(self) -> None:
        """Put a sign on the bottom row where a curve lies below a log axis, if nothing is there."""
        sunk = self._raster.sunk
        columns = np.flatnonzero((sunk >= 0) & (self.letters[-1] == " "))
        self.letters[-1, columns], self.styles[-1, columns] = self._glyphs.below, sunk[columns]

    def add_cursor(self, column: int) -> None:
        """Draw the cursor, a line through empty cells and lines of marks, if it is in the plot."""
        if 0 <= column < self.width:
            free = (self.letters[:, column] == " ") | (self.styles[:, column] == MARK)
            empty = free & ~self._labels[:, column]
            self.letters[empty, column] = self._glyphs.vertical
            self.styles[:, column] = np.where(empty, CURSOR, self.styles[:, column])

    def pieces(self, row: int) -> list[tuple[str, int]]:
        """Return a row as (text, style number) runs."""
        styles = self.styles[row]
        cuts = [0, *(np.flatnonzero(np.diff(styles)) + 1).tolist(), len(styles)]
        return [
            ("".join(self.letters[row, begin:end]), int(styles[begin]))
            for begin, end in pairwise(cuts)
        ]
