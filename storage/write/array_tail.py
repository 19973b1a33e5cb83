"""The end of one array as the writer holds it: its last chunk, and the rows not published yet."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.storage.format.errors import FormatError
from asgml.storage.format.growable_array import GrowableArray
from asgml.storage.format.safe_text import error_line
from asgml.storage.write.written_array import WrittenArray

Array = npt.NDArray[Any]


class ArrayTail:
    """The tail of an array. Only whole chunks are written: no write has to read, no row is torn.

    Raise FormatError where the published rows of its last chunk cannot be read.

    `published` rows are behind the mark. The rows from `_start` on, a multiple of the chunk length,
    are in memory; those before `_settled` are on the disk for good.
    """

    def __init__(self, array: WrittenArray, published: int = 0) -> None:
        self._array = array
        self._chunk = array.chunk
        self._start = published // self._chunk * self._chunk
        self._settled = self._start
        self._held = GrowableArray(array.shape[1:], array.dtype)
        self.published = published
        if published > self._start:
            self._held.extend(_published(array, self._start, published))

    @property
    def total(self) -> int:
        return self._start + len(self._held)

    @property
    def unpublished(self) -> int:
        return self.total - self.published

    @property
    def width(self) -> int:
        return int(self._array.shape[1])

    def add(self, rows: Array) -> None:
        self._held.extend(rows)

    def write(self) -> None:
        """Write the unpublished rows; to be called again after an error. Full chunks go once."""
        if self.total == self.published:
            return
        self._grow_to(-(-self.total // self._chunk) * self._chunk)
        for first in range(self._settled, self.total, self._chunk):
            self._array.write_chunk(first, self._whole_chunk(first))
            if first + self._chunk <= self.total:
                self._settled = first + self._chunk

    def commit(self) -> None:
        """Count all rows as published, after the mark has moved, and free the full chunks."""
        self.published = self.total
        start = self.total // self._chunk * self._chunk
        if start > self._start:
            self._held.replace(self._held.view[start - self._start :])
            self._start = start
        self._settled = start

    def trim(self) -> None:
        """Cut the array to its length, so that a plain zarr reader sees no fill rows."""
        self._array.resize(self.total)

    def thin(self) -> int:
        """Drop every second row of the newer half of the unpublished ones; return how many.

        For an outage that does not end: memory is bounded, and what happened stays drawable.
        """
        rows = self._held.view
        middle = self.published - self._start + self.unpublished // 2
        self._held.replace(np.concatenate([rows[:middle], rows[middle::2]]))
        self._settled = self._start  # chunks on the disk hold rows that are gone now
        return len(rows) - len(self._held)

    def _grow_to(self, length: int) -> None:
        if self._array.shape[0] < length:
            self._array.resize(length)

    def _whole_chunk(self, first: int) -> Array:
        rows = self._held.view[first - self._start : first - self._start + self._chunk]
        if len(rows) == self._chunk:
            return rows
        chunk: Array = np.full((self._chunk, *rows.shape[1:]), self._array.fill, rows.dtype)
        chunk[: len(rows)] = rows
        return chunk


def _published(array: WrittenArray, start: int, stop: int) -> Array:
    """Return the published rows from `start` on. Raise FormatError where they cannot be read."""
    try:
        rows = array.read(start, stop)
    except Exception as error:  # each codec and store fails in its own way
        problem = f"{array.name}: its last rows cannot be read ({error_line(error)})"
        raise FormatError(f"{problem}; `asgml check` names all that is damaged") from error
    if len(rows) < stop - start:  # zarr clips a slice beyond the shape
        held = start + len(rows)
        raise FormatError(f"{array.name}: the head says {stop}, the array holds {held}")
    return rows
