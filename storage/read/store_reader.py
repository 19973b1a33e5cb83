"""Access to a store that may be growing: takes no lock, lists nothing, writes nothing."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from asgml.storage.format.array_metadata import read_array_metadata
from asgml.storage.format.bounded_file import read_bounded, read_json_object
from asgml.storage.format.bounded_store import BoundedStore
from asgml.storage.format.errors import FormatError
from asgml.storage.format.safe_text import error_line
from asgml.storage.format.status import HEAD_KEY, HEAD_SLOTS, Head, head_from_slots

Array = npt.NDArray[Any]
MAX_MISSING = 1 << 28, 2_000
"""Most bytes and chunks that are shown as empty: a head may promise what no disk holds."""


class StoreReader:
    """The arrays of one store on a local disk. `problems`: one line for each unreadable piece."""

    def __init__(self, path: Path) -> None:
        self._store = BoundedStore(path)
        self.path = path
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self.problems: list[str] = []

    def attributes(self) -> dict[str, Any] | None:
        """Return the attributes of the store, None where there is none yet.

        Raise FormatError for a store that is no group of Zarr 3, OSError as `read_bounded`.
        """
        try:
            record = read_json_object(self.path / "zarr.json")
        except (FileNotFoundError, NotADirectoryError):
            return None
        attributes = record.get("attributes", {})
        is_group = record.get("zarr_format") == 3 and record.get("node_type") == "group"
        if not is_group or not isinstance(attributes, dict):
            raise FormatError(f"not a run: {self.path.name}/zarr.json is no group of Zarr 3")
        return attributes

    def head(self) -> Head | None:
        """Return the mark as it is now, None where there is none yet.

        Raise FormatError for a state that only a newer version knows, and for anything but a file.
        Zarr is passed by: a poll costs the reading of 256 bytes.
        """
        try:
            content = read_bounded(self.path / HEAD_KEY)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if len(content) != 8 * HEAD_SLOTS:
            return None
        slots = np.frombuffer(content, "<i8")
        if (slots == -1).all():  # as a chunk that was never written
            return None
        try:
            return head_from_slots(slots.tolist())
        except ValueError as error:
            raise FormatError(f"the head of {self.path.name} cannot be read: {error}") from None

    def read(self, name: str, start: int, stop: int, columns: int | None = None) -> Array | None:
        """Return rows or bytes `start` to `stop` of an array; None where nothing can be read.

        `columns`: number of columns of a table, by the manifest. Unreadable pieces come as fill
        values and are named in `problems`.
        """
        try:
            array = self._array(name, stop, columns)
        except FormatError as error:
            self._report(f"{name}: the array cannot be opened ({error})")
            return None
        except Exception as error:  # noqa: BLE001 - zarr fails in its own way for each bad codec
            self._report(f"{name}: the array cannot be opened ({error_line(error)})")
            return None
        end = min(stop, array.shape[0])
        if end < stop:
            self._report(f"{name}: the head says {stop}, the array holds {end}")
        if self._lacks_too_much(array, name, start, end):
            self._report(f"{name}: the head says {stop}, too many of its chunks are missing")
            return None
        pieces = self._readable_pieces(array, name, start, end)
        return np.concatenate(pieces) if len(pieces) > 1 else pieces[0] if pieces else None

    def forget(self) -> None:
        """Open every array anew at its next use: the store was replaced by another."""
        self._arrays.clear()

    def _array(self, name: str, length: int, columns: int | None) -> zarr.Array[Any]:
        """Return the array, opened anew where it may have grown. Raise FormatError."""
        array = self._arrays.get(name)
        # an open array keeps its shape, and clips slices beyond it without an error
        if array is None or array.shape[0] < length:
            metadata = read_array_metadata(self.path, name)
            if columns is not None and metadata.shape[1] != columns:
                width = metadata.shape[1]
                raise FormatError(f"{width} columns, the manifest names {columns}")
            array = zarr.open_array(self._store, path=name, mode="r", zarr_format=3)
            self._arrays[name] = array
        return array

    def _lacks_too_much(self, array: zarr.Array[Any], name: str, start: int, stop: int) -> bool:
        """Return True where filling what is missing would take too much memory or time."""
        most_bytes, most_chunks = MAX_MISSING
        chunk_bytes = math.prod(array.chunks) * array.dtype.itemsize
        most = min(most_bytes // chunk_bytes, most_chunks)
        if (stop - start) // array.chunks[0] <= most:
            return False
        missing = itertools.islice(self._missing_chunks(array, name, start, stop), most + 1)
        return sum(1 for _ in missing) > most

    def _readable_pieces(
        self, array: zarr.Array[Any], name: str, start: int, stop: int
    ) -> list[Array]:
        """Return the range in one piece where all of it can be read, else chunk by chunk."""
        if stop <= start:
            return []
        if not any(True for _ in self._missing_chunks(array, name, start, stop)):
            whole = _try_read(array, start, stop)
            if isinstance(whole, np.ndarray):
                return [whole]
        ranges = _chunk_ranges(array, start, stop)
        return [self._chunk_or_fill(array, name, first, last) for first, last in ranges]

    def _chunk_or_fill(self, array: zarr.Array[Any], name: str, start: int, stop: int) -> Array:
        chunk = start // array.chunks[0]
        shown = f"{stop - start} entries are shown as empty"
        piece = _try_read(array, start, stop)
        if isinstance(piece, Exception):
            problem = f"cannot be read ({error_line(piece)})"
            self._report(f"{name}: chunk {chunk} {problem}; {shown}")
            return np.full((stop - start, *array.shape[1:]), array.fill_value, array.dtype)
        if any(True for _ in self._missing_chunks(array, name, start, stop)):
            self._report(f"{name}: chunk {chunk} is missing; {shown}")
        return piece

    def _missing_chunks(
        self, array: zarr.Array[Any], name: str, start: int, stop: int
    ) -> Iterator[int]:
        """Yield the chunks without a file, which zarr reads as fill values without an error."""
        folder, tail = self.path / name / "c", ["0"] * (array.ndim - 1)
        for chunk in range(start // array.chunks[0], -(-stop // array.chunks[0])):
            if not os.path.exists(folder.joinpath(str(chunk), *tail)):
                yield chunk

    def _report(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _try_read(array: zarr.Array[Any], start: int, stop: int) -> Array | Exception:
    """Return a slice, or the error of the second try.

    Two tries: a shared disk may lose its connection for a moment.
    """
    try:
        return np.asarray(array[start:stop])
    except Exception:  # noqa: BLE001 - each codec and store fails in its own way
        pass
    try:
        return np.asarray(array[start:stop])
    except Exception as error:  # noqa: BLE001 - the same; it is named in `problems`
        return error


def _chunk_ranges(array: zarr.Array[Any], start: int, stop: int) -> list[tuple[int, int]]:
    length = array.chunks[0]
    firsts = [start, *range((start // length + 1) * length, stop, length)]
    return list(zip(firsts, [*firsts[1:], stop], strict=True))
