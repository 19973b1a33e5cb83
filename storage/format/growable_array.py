"""An array that grows at its end at constant cost per row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_SMALLEST = 1024  # one chunk of a table


class GrowableArray:
    """Rows in one block of memory that doubles when it is full.

    `row_shape` is () for plain numbers, (columns,) for rows of numbers.
    """

    def __init__(self, row_shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._block: Array = np.empty((0, *row_shape), dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def view(self) -> Array:
        """All rows, without a copy, read-only. A later `extend` leaves this view as it is."""
        view = self._block[: self._length]
        view.flags.writeable = False
        return view

    def extend(self, rows: Array) -> None:
        needed = self._length + len(rows)
        if needed > len(self._block):
            self._move(max(needed, 2 * len(self._block), _SMALLEST))
        self._block[self._length : needed] = rows
        self._length = needed

    def replace(self, rows: Array) -> None:
        """Hold exactly these rows from now on, and free the memory that more rows needed."""
        self._block = np.array(rows)
        self._length = len(rows)

    def _move(self, capacity: int) -> None:
        block: Array = np.empty((capacity, *self._block.shape[1:]), self._block.dtype)
        block[: self._length] = self._block[: self._length]
        self._block = block
