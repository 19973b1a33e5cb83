"""Access to a store that may be growing: takes no lock, lists nothing, writes nothing."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asgml.storage.format.array_metadata import ArrayMetadata, read_array_metadata
from asgml.storage.format.bounded_file import read_json_object
from asgml.storage.format.errors import FormatError
from asgml.storage.format.safe_text import error_line
from asgml.storage.format.status import Head
from asgml.storage.read.head_reader import HeadReader
from asgml.storage.read.local_array import LocalArray
from asgml.storage.read.table import Table

if TYPE_CHECKING:
    from asgml.storage.read.foreign_array import ForeignArray

Array = npt.NDArray[Any]
MAX_MISSING = 1 << 28, 2_000
"""Most bytes and chunks that are shown as empty: a head may promise what no disk holds."""
_FILLS = {1: np.array(0, np.uint8), 2: np.array(np.nan)}
"""Dimensions → the entry that stands for a lost one; its type is that of texts, of tables."""


class StoreReader:
    """The arrays of one store on a local disk. `problems`: one line for each unreadable piece."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._arrays: dict[str, tuple[ArrayMetadata, LocalArray | ForeignArray]] = {}
        self._head = HeadReader(path)
        self.problems: list[str] = []

    def attributes(self) -> dict[str, Any] | None:
        """Return the attributes of the store, None where there is none yet.

        Raise FormatError for a store that is no group of Zarr 3, OSError as `read_bounded`.
        """
        try:
            record = read_json_object(self.path / "zarr.json")
        except FileNotFoundError:
            return None
        except NotADirectoryError:
            what = "is a file, such as a zip store; a run's store is a folder: unpack it"
            raise FormatError(f"not a run: {self.path.name} {what}") from None
        attributes = record.get("attributes", {})
        is_group = record.get("zarr_format") == 3 and record.get("node_type") == "group"
        if not is_group or not isinstance(attributes, dict):
            raise FormatError(f"not a run: {self.path.name}/zarr.json is no group of Zarr 3")
        return attributes

    def head(self) -> Head | None:
        """Return the mark as it is now, None where there is none yet. Raise as `HeadReader`."""
        return self._head.read()

    def read(self, name: str, start: int, stop: int, table: Table | None = None) -> Array | None:
        """Return rows or bytes `start` to `stop` of an array; None where nothing can be read.

        `table`: holds the rows before `start`, and gives room for these. Unreadable pieces come as
        fill values and are named in `problems`.
        """
        try:
            metadata, array = self._array(name, stop, table)
        except FormatError as error:
            self._report(f"{name}: the array cannot be opened ({error})")
            return None
        except Exception as error:  # noqa: BLE001 - zarr fails in its own way for each bad codec
            self._report(f"{name}: the array cannot be opened ({error_line(error)})")
            return None
        end = min(stop, metadata.shape[0])
        if end < stop:
            self._report(f"{name}: the head says {stop}, the array holds {end}")
        if end <= start:
            return None
        fill = _FILLS[len(metadata.shape)]
        if _lacks_too_much(array, metadata, fill.itemsize, start, end):
            self._report(f"{name}: the head says {stop}, too many of its chunks are missing")
            return None
        try:
            entries = _room(table, end - start)
        except MemoryError:
            self._report(f"{name}: the head says {stop}, more than the memory holds")
            return None
        if _error_of(array, entries, start) is not None:
            self._read_by_chunks(array, entries, name, start, metadata.chunks[0])
        return entries

    def forget(self) -> None:
        """Open every array anew at its next use: the store was replaced by another."""
        self._arrays.clear()
        self._head = HeadReader(self.path)

    def _array(
        self, name: str, length: int, table: Table | None
    ) -> tuple[ArrayMetadata, LocalArray | ForeignArray]:
        """Return the array, opened anew where it may have grown. Raise FormatError."""
        known = self._arrays.get(name)
        # an open array keeps its shape, and zarr clips slices beyond it without an error
        if known is None or known[0].shape[0] < length:
            metadata = read_array_metadata(self.path, name)
            if table is not None and metadata.shape[1] != len(table.columns):
                width = metadata.shape[1]
                raise FormatError(f"{width} columns, the manifest names {len(table.columns)}")
            known = metadata, open_array(self.path, name, metadata)
            self._arrays[name] = known
        return known

    def _read_by_chunks(
        self, array: LocalArray | ForeignArray, entries: Array, name: str, start: int, length: int
    ) -> None:
        """Fill the entries chunk by chunk; those of an unreadable one are empty, and reported."""
        for first, last in _chunk_ranges(start, start + len(entries), length):
            piece = entries[first - start : last - start]
            error = _error_of(array, piece, first)
            if error is None:
                continue
            piece[:] = _FILLS[entries.ndim]
            chunk, shown = first // length, f"{last - first} entries are shown as empty"
            gone = isinstance(error, FileNotFoundError)
            problem = "is missing" if gone else f"cannot be read ({error_line(error)})"
            self._report(f"{name}: chunk {chunk} {problem}; {shown}")

    def _report(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def open_array(store: Path, name: str, metadata: ArrayMetadata) -> LocalArray | ForeignArray:
    """Return an array that is read by its files, or by zarr where only zarr knows how to.

    Zarr is imported then alone, which takes longer than reading most runs.
    """
    if metadata.codec is not None:
        return LocalArray(store, name, metadata, metadata.codec)
    from asgml.storage.read.foreign_array import ForeignArray

    return ForeignArray(store, name, metadata)


def _room(table: Table | None, count: int) -> Array:
    """Return an array for the next rows of a table, or for so many bytes of a text."""
    return np.empty(count, np.uint8) if table is None else table.room(count)


def _error_of(array: LocalArray | ForeignArray, target: Array, start: int) -> Exception | None:
    """Fill `target`, or return the error of the second try.

    Two tries: a shared disk may lose its connection for a moment.
    """
    for _ in range(2):
        try:
            array.read_into(target, start)
        except Exception as error:  # noqa: BLE001 - it is named in `problems`
            found = error
        else:
            return None
    return found


def _lacks_too_much(
    array: LocalArray | ForeignArray, metadata: ArrayMetadata, itemsize: int, start: int, stop: int
) -> bool:
    """Return True where filling what is missing would take too much memory or time."""
    most_bytes, most_chunks = MAX_MISSING
    length = metadata.chunks[0]
    most = min(most_bytes // (math.prod(metadata.chunks) * itemsize), most_chunks)
    if (stop - start) // length <= most:
        return False
    missing = (
        chunk for chunk in range(start // length, -(-stop // length)) if array.missing(chunk)
    )
    return sum(1 for _ in itertools.islice(missing, most + 1)) > most


def _chunk_ranges(start: int, stop: int, length: int) -> list[tuple[int, int]]:
    firsts = [start, *range((start // length + 1) * length, stop, length)]
    return list(zip(firsts, [*firsts[1:], stop], strict=True))
