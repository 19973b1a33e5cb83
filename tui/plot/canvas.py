"""A plot as letters and style numbers: curves, markers, interventions, faults and the cursor, in a fixed order."""

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
_MARKER_EVERY = 18


@lru_cache(maxsize=8)
def _alphabet(letters: str) -> NDArray[np.str_]:
    return np.array(list(letters))


class Canvas:
    """The cells of one plot. What is drawn first lies beneath; interventions and the cursor only fill empty cells."""

    def __init__(self, raster: Raster, glyphs: Glyphs) -> None:
        self.height, self.width = raster.owner.shape
        self._raster = raster
        self._glyphs = glyphs
        self.styles = np.where(raster.owner >= 0, raster.owner, TEXT).astype(np.int16)
        self.letters = self._letters()

    def _letters(self) -> NDArray[np.str_]:
        letters: NDArray[np.str_] = _alphabet(self._glyphs.patterns)[self._raster.pattern]
        if (
            self._glyphs.across == 1 and self._glyphs.down == 1
        ):  # ASCII: the curve is drawn with its own marker
            markers = _alphabet(self._glyphs.markers)
            own = markers[np.maximum(self._raster.owner, 0) % len(markers)]
            letters = np.where(self._raster.owner >= 0, own, letters)
        letters[self._raster.owner < 0] = " "
        return letters

    def add_markers(self, curves: Sequence[int]) -> None:
        """A curve's own sign every few columns, so that curves are told apart without colour. The newest columns stay free."""
        filled = np.flatnonzero((self._raster.owner >= 0).any(axis=0))
        if len(curves) < 2 or len(filled) == 0:
            return
        for place, curve in enumerate(curves):
            offset = 3 + place * _MARKER_EVERY // len(curves)
            for column in range(offset, int(filled[-1]) - 1, _MARKER_EVERY):
                rows = np.flatnonzero(self._raster.owner[:, column] == curve)
                if len(rows):
                    self.letters[rows[len(rows) // 2], column] = self._glyphs.markers[
                        curve % len(self._glyphs.markers)
                    ]

    def add_marks(self, marks: Sequence[tuple[int, str, str]]) -> None:
        """Interventions: (column, kind, label). A line through the empty cells, its label at the top where there is room."""
        free_from = 0
        for column, kind, label in marks:
            glyph = self._glyphs.pause if kind == "pause" else self._glyphs.mark
            empty = self.letters[:, column] == " "
            self.letters[empty, column], self.styles[empty, column] = glyph, MARK
            if self._glyphs.down == 1:
                label = label.encode("ascii", "ignore").decode()
            begin, end = column + 1, column + 1 + len(label)
            row = self._label_row(begin, end) if begin >= free_from and end <= self.width else -1
            if row >= 0:
                self.letters[row, begin:end], self.styles[row, begin:end] = list(label), MARK
                free_from = end + 1

    def _label_row(self, begin: int, end: int) -> int:
        """The first row from the top where a label hides nothing."""
        if begin == end:
            return -1
        for row in range(self.height):
            if (self.letters[row, begin:end] == " ").all():
                return row
        return -1

    def add_faults(self) -> None:
        """A sign on the top row for each column with a value that is no finite number."""
        columns = np.flatnonzero(self._raster.bad >= 0)
        self.letters[0, columns], self.styles[0, columns] = self._glyphs.bad, FAULT

    def add_cursor(self, column: int) -> None:
        if 0 <= column < self.width:
            empty = (self.letters[:, column] == " ") | (self.styles[:, column] == MARK)
            self.letters[empty, column] = self._glyphs.vertical
            self.styles[:, column] = np.where(empty, CURSOR, self.styles[:, column])

    def pieces(self, row: int) -> list[tuple[str, int]]:
        """A row as (text, style) runs."""
        styles = self.styles[row]
        cuts = [0, *(np.flatnonzero(np.diff(styles)) + 1).tolist(), len(styles)]
        return [
            ("".join(self.letters[row, begin:end]), int(styles[begin]))
            for begin, end in pairwise(cuts)
        ]
