"""Access to a store that may be growing: takes no lock, lists nothing, writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.storage import LocalStore

from asgml.storage.format.arrays import HEAD_KEY
from asgml.storage.format.manifest import FormatError
from asgml.storage.format.safe_text import error_line
from asgml.storage.format.status import HEAD_SLOTS, Head, head_from_slots

Array = npt.NDArray[Any]


class StoreReader:
    """The arrays of one store on a local disk. `problems`: one line for each unreadable piece."""

    def __init__(self, path: Path) -> None:
        self._store = LocalStore(path, read_only=True)
        self._path = path
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self.problems: list[str] = []

    def attributes(self) -> dict[str, Any] | None:
        """Return the attributes of the store, None where there is none yet.

        Raise FormatError for a store that cannot be read.
        """
        if not (self._path / "zarr.json").exists():
            return None
        try:
            # the default mode would create a missing group
            group = zarr.open_group(self._store, mode="r", zarr_format=3, use_consolidated=False)
            return dict(group.attrs)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            problem = f"{type(error).__name__}: {error}"
            raise FormatError(
                f"not a run: {self._store} is no readable Zarr group ({problem})"
            ) from error

    def head(self) -> Head | None:
        """Return the mark as it is now, None where there is none yet.

        Raise FormatError for a state that only a newer version knows. Zarr is passed by: a poll
        costs the reading of 256 bytes.
        """
        try:
            content = (self._path / HEAD_KEY).read_bytes()
        except FileNotFoundError:
            return None
        if len(content) != 8 * HEAD_SLOTS:
            return None
        try:
            return head_from_slots(np.frombuffer(content, "<i8").tolist())
        except ValueError as error:
            raise FormatError(f"the head of {self._store} cannot be read: {error}") from error

    def read(self, name: str, start: int, stop: int) -> Array | None:
        """Return rows or bytes `start` to `stop` of an array; None where nothing can be read.

        Unreadable pieces come as fill values and are named in `problems`.
        """
        try:
            array = self._array(name, stop)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._report(f"{name}: the array cannot be opened ({error_line(error)})")
            return None
        end = min(stop, array.shape[0])
        if end < stop:
            self._report(f"{name}: the head says {stop}, the array holds {end}")
        pieces = self._readable_pieces(array, name, start, end)
        return np.concatenate(pieces) if len(pieces) > 1 else pieces[0] if pieces else None

    def forget(self) -> None:
        """Open every array anew at its next use: the store was replaced by another."""
        self._arrays.clear()

    def _array(self, name: str, length: int) -> zarr.Array[Any]:
        array = self._arrays.get(name)
        # an open array keeps its shape, and clips slices beyond it without an error
        if array is None or array.shape[0] < length:
            array = zarr.open_array(self._store, path=name, mode="r", zarr_format=3)
            self._arrays[name] = array
        return array

    def _readable_pieces(
        self, array: zarr.Array[Any], name: str, start: int, stop: int
    ) -> list[Array]:
        """Return the range in one piece where all of it can be read, else chunk by chunk."""
        if stop <= start:
            return []
        if not self._missing_chunks(array, name, start, stop):
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
        if self._missing_chunks(array, name, start, stop):
            self._report(f"{name}: chunk {chunk} is missing; {shown}")
        return piece

    def _missing_chunks(
        self, array: zarr.Array[Any], name: str, start: int, stop: int
    ) -> list[int]:
        """Return the chunks without a file, which zarr reads as fill values without an error."""
        folder, tail = self._path / name / "c", ["0"] * (array.ndim - 1)
        chunks = range(start // array.chunks[0], -(-stop // array.chunks[0]))
        return [chunk for chunk in chunks if not folder.joinpath(str(chunk), *tail).exists()]

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
