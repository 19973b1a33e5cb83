"""Labels of marks on a plot: beside their lines, where they hide no curve and no other label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PlacedMark = tuple[int, str, tuple[str, ...]]
"""An intervention on a plot: column of cells, kind, label from the fullest form to the shortest."""
MARK = -2
"""Style number of lines and labels of marks."""
_SHARE_OF_ROWS = 3
"""One row in so many may hold labels that hide lines of marks."""

Letters = NDArray[np.str_]
Styles = NDArray[np.int16]


def add_labels(letters: Letters, styles: Styles, marks: Sequence[PlacedMark]) -> NDArray[np.bool_]:
    """Write a label for each mark whose line is drawn already, changes and the newest ones first.

    Return True for the cells of labels.

    First those that fit between the lines of other marks. The others hide such lines or are in a
    shorter form, and only in a few rows: many marks must not fill the chart with text.
    """
    placing = _Placing(letters, styles)
    ordered = sorted(marks, key=lambda mark: (mark[1] != "change", -mark[0]))
    left = [mark for mark in ordered if not placing.place_between(mark)]
    for mark in left:
        placing.place_anywhere(mark)
    return placing.written


class _Placing:
    """The cells that labels have taken."""

    def __init__(self, letters: Letters, styles: Styles) -> None:
        self._letters, self._styles = letters, styles
        self._line = styles == MARK
        height, self._width = letters.shape
        # one column more: a label may end with the plot
        self._written = np.zeros((height, self._width + 1), dtype=bool)
        self._crowded = np.zeros(height, dtype=bool)
        self._most = max(height // _SHARE_OF_ROWS, 1)

    @property
    def written(self) -> NDArray[np.bool_]:
        """True in the cells of labels."""
        return self._written[:, : self._width]

    def place_between(self, mark: PlacedMark) -> bool:
        """Write the full label beside its line, where no other mark is; return True if it fits."""
        column, _, texts = mark
        return self._write(texts[0], self._begin(column, texts[0]), False)

    def place_anywhere(self, mark: PlacedMark) -> bool:
        """Write the fullest form that fits, over lines of other marks too."""
        column, _, texts = mark
        return any(
            self._write(text, self._begin(column, text), crossing)
            for text in texts
            for crossing in (False, True)
        )

    def _begin(self, column: int, text: str) -> int:
        """Return where a label begins: on the right of its line, or on the left at the edge."""
        return column + 1 if column + 1 + len(text) <= self._width else column - len(text)

    def _write(self, text: str, begin: int, crossing: bool) -> bool:
        end = begin + len(text)
        if begin < 0 or end > self._width:
            return False
        blank = self._letters[:, begin:end] == " "
        free = (blank | self._line[:, begin:end] if crossing else blank).all(axis=1)
        # a cell on each side: two labels must not run into each other
        free &= ~self._written[:, max(begin - 1, 0) : end + 1].any(axis=1)
        rows = np.flatnonzero(free & self._allowed() if crossing else free)
        if not len(rows):
            return False
        row = int(rows[0])
        self._letters[row, begin:end], self._styles[row, begin:end] = list(text), MARK
        self._written[row, begin:end] = True
        self._crowded[row] |= crossing
        return True

    def _allowed(self) -> NDArray[np.bool_]:
        """Return True for rows with a label over lines, for all while there are few of those."""
        few = np.count_nonzero(self._crowded) < self._most
        return np.ones_like(self._crowded) if few else self._crowded
