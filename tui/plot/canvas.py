"""A plot as letters and style numbers: curves, then markers, faults, marks and the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.glyphs import Glyphs
from asgml.tui.plot.raster import Raster

TEXT, MARK, FAULT, CURSOR = -1, -2, -3, -4
"""Style numbers of what is no curve. Curves have the number of their layer, 0 and above."""
PlacedMark = tuple[int, str, str]
"""An intervention on a plot: column of cells, kind, label."""
_MARKER_EVERY = 18
_FIRST_MARKER = 3
"""Columns between two markers of a curve, and before the first one."""


@lru_cache(maxsize=8)
def _alphabet(letters: str) -> NDArray[np.str_]:
    return np.array(list(letters))


class Canvas:
    """The cells of one plot, drawn from the bottom up; marks and cursor fill empty cells only."""

    def __init__(self, raster: Raster, glyphs: Glyphs) -> None:
        self.height, self.width = raster.owner.shape
        self._raster = raster
        self._glyphs = glyphs
        self.styles = np.where(raster.owner >= 0, raster.owner, TEXT).astype(np.int16)
        self.letters = self._letters()

    def _letters(self) -> NDArray[np.str_]:
        owner = self._raster.owner
        letters: NDArray[np.str_] = _alphabet(self._glyphs.patterns)[self._raster.pattern]
        if self._glyphs.across == self._glyphs.down == 1:
            # In ASCII a cell is one dot: each curve is drawn with its own marker.
            markers = _alphabet(self._glyphs.markers)
            letters = np.where(owner >= 0, markers[np.maximum(owner, 0) % len(markers)], letters)
        letters[owner < 0] = " "
        return letters

    def add_markers(self, curves: Sequence[int]) -> None:
        """Put a curve's marker on it every few columns, to tell curves apart without colour."""
        filled = np.flatnonzero((self._raster.owner >= 0).any(axis=0))
        if len(curves) < 2 or len(filled) == 0:
            return
        # The newest columns stay free: a marker there would move with every step.
        end = int(filled[-1]) - 1
        for place, curve in enumerate(curves):
            begin = _FIRST_MARKER + place * _MARKER_EVERY // len(curves)
            for column in range(begin, end, _MARKER_EVERY):
                self._put_marker(curve, column)

    def _put_marker(self, curve: int, column: int) -> None:
        """Put a marker in the middle of the curve's stroke in this column, if it has one there."""
        rows = np.flatnonzero(self._raster.owner[:, column] == curve)
        if len(rows):
            marker = self._glyphs.markers[curve % len(self._glyphs.markers)]
            self.letters[rows[len(rows) // 2], column] = marker

    def add_marks(self, marks: Sequence[PlacedMark]) -> None:
        """Draw a line for each intervention, its label at the top where there is room."""
        free_from = 0
        for column, kind, label in marks:
            empty = self.letters[:, column] == " "
            self.letters[empty, column] = (
                self._glyphs.pause if kind == "pause" else self._glyphs.mark
            )
            self.styles[empty, column] = MARK
            if self._glyphs.down == 1:
                label = label.encode("ascii", "ignore").decode()
            begin, end = column + 1, column + 1 + len(label)
            row = self._label_row(begin, end) if begin >= free_from and end <= self.width else -1
            if row >= 0:
                self.letters[row, begin:end], self.styles[row, begin:end] = list(label), MARK
                free_from = end + 1

    def _label_row(self, begin: int, end: int) -> int:
        """Return the first row from the top where a label hides nothing, -1 without one."""
        if begin == end:
            return -1
        free = np.flatnonzero((self.letters[:, begin:end] == " ").all(axis=1))
        return int(free[0]) if len(free) else -1

    def add_faults(self) -> None:
        """Put a sign on the top row of each column with a value that is no finite number."""
        columns = np.flatnonzero(self._raster.bad >= 0)
        self.letters[0, columns], self.styles[0, columns] = self._glyphs.bad, FAULT

    def add_cursor(self, column: int) -> None:
        """Draw the cursor, a line through empty cells and marks; outside the plot there is none."""
        if 0 <= column < self.width:
            empty = (self.letters[:, column] == " ") | (self.styles[:, column] == MARK)
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
