"""An array that grows at its end at constant cost per row."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_SMALLEST = 1024  # one chunk of a table


class GrowableArray:
    """Rows in one block of memory that grows by half when it is full.

    `row_shape` is () for plain numbers, (columns,) for rows of numbers; those lie column by column
    in memory with `by_column`.
    """

    def __init__(
        self, row_shape: tuple[int, ...], dtype: npt.DTypeLike, *, by_column: bool = False
    ) -> None:
        self._order: Literal["C", "F"] = "F" if by_column else "C"
        self._block: Array = np.empty((0, *row_shape), dtype, self._order)
        self._length = 0
        self._room: Array | None = None

    def __len__(self) -> int:
        return self._length

    @property
    def view(self) -> Array:
        """All rows, without a copy, read-only. A later `extend` leaves this view as it is."""
        view = self._block[: self._length]
        view.flags.writeable = False
        return view

    def room(self, count: int) -> Array:
        """Return the place of the next `count` rows, to be filled.

        They count once `extend` is given this very array, which is not copied then.
        """
        needed = self._length + count
        if needed > len(self._block):
            # what is read first may be all there ever is: without room to grow in every column
            spare = needed // 2 if self._length else 0
            self._move(max(needed + spare, _SMALLEST))
        self._room = self._block[self._length : needed]
        return self._room

    def extend(self, rows: Array) -> None:
        if rows is not self._room:
            self.room(len(rows))[:] = rows
        self._length += len(rows)
        self._room = None

    def replace(self, rows: Array) -> None:
        """Hold exactly these rows from now on, and free the memory that more rows needed."""
        self._block, self._room = np.array(rows, order=self._order), None
        self._length = len(rows)

    def _move(self, capacity: int) -> None:
        shape = (capacity, *self._block.shape[1:])
        block: Array = np.empty(shape, self._block.dtype, self._order)
        block[: self._length] = self._block[: self._length]
        self._block = block
