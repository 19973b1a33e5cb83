"""The source: reads a store that may be growing. Takes no lock, lists nothing, writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.abc.store import Store
from zarr.storage import LocalStore

from asgml.storage.format.arrays import HEAD_KEY
from asgml.storage.format.manifest import FormatError
from asgml.storage.format.status import HEAD_SLOTS, Head, head_from_slots

Array = npt.NDArray[Any]


class StoreReader:
    """One store. `path` is given for a store on a local disk, where some looks are cheaper."""

    def __init__(self, store: Store, path: Path | None = None) -> None:
        self._store = store
        self._path = path
        self._head_file = path / HEAD_KEY if path is not None else None
        self._arrays: dict[str, zarr.Array[Any]] = {}
        self.problems: list[str] = []

    @classmethod
    def local(cls, path: Path) -> StoreReader:
        return cls(LocalStore(path, read_only=True), path)

    def attributes(self) -> dict[str, Any] | None:
        """The attributes of the store; None where there is no store yet. Raises FormatError for one that cannot be read."""
        if self._path is not None and not (self._path / "zarr.json").exists():
            return None
        try:
            # the default mode would create a missing group
            group = zarr.open_group(self._store, mode="r", zarr_format=3, use_consolidated=False)
            return dict(group.attrs)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(
                f"not a run: {self._store} is no readable Zarr group ({type(error).__name__}: {error})"
            ) from error

    def head(self) -> Head | None:
        """The mark as it is now; None where there is none yet."""
        try:
            slots = self._slots()
        except FileNotFoundError:
            return None
        try:
            return None if slots is None else head_from_slots(slots.tolist())
        except ValueError as error:  # a state that only a newer version knows
            raise FormatError(f"the head of {self._store} cannot be read: {error}") from error

    def read(self, name: str, start: int, stop: int) -> Array | None:
        """Rows or bytes `start` to `stop`. What cannot be read is told in `problems` and comes as fill values; None: nothing can."""
        try:
            array = self._array(name, stop)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._complain(f"{name}: the array cannot be opened ({_one_line(error)})")
            return None
        end = min(stop, array.shape[0])
        if end < stop:
            self._complain(f"{name}: the head says {stop}, the array holds {end}")
        parts = self._readable_parts(array, name, start, end)
        return np.concatenate(parts) if len(parts) > 1 else parts[0] if parts else None

    def forget(self) -> None:
        """Opens everything anew: the store was replaced by another."""
        self._arrays.clear()

    def _slots(self) -> Array | None:
        if self._head_file is None:
            return np.asarray(self._array("head", 0)[:])
        content = self._head_file.read_bytes()
        return np.frombuffer(content, "<i8") if len(content) == 8 * HEAD_SLOTS else None

    def _array(self, name: str, length: int) -> zarr.Array[Any]:
        """An array keeps the shape it was opened with, and clips slices beyond it without a word: open it again when it has grown."""
        array = self._arrays.get(name)
        if array is None or array.shape[0] < length:
            array = zarr.open_array(self._store, path=name, mode="r", zarr_format=3)
            self._arrays[name] = array
        return array

    def _readable_parts(
        self, array: zarr.Array[Any], name: str, start: int, stop: int
    ) -> list[Array]:
        if stop <= start:
            return []
        missing = self._missing_chunks(array, name, start, stop)
        if not missing:
            whole = _try_read(array, start, stop)
            if isinstance(whole, np.ndarray):
                return [whole]
        return [
            self._chunk_or_fill(array, name, first, last)
            for first, last in _chunk_ranges(array, start, stop)
        ]

    def _chunk_or_fill(self, array: zarr.Array[Any], name: str, start: int, stop: int) -> Array:
        chunk = start // array.chunks[0]
        part = _try_read(array, start, stop)
        if isinstance(part, Exception):
            self._complain(
                f"{name}: chunk {chunk} cannot be read ({_one_line(part)}); {stop - start} entries are shown as empty"
            )
            return np.full((stop - start, *array.shape[1:]), array.fill_value, array.dtype)
        if self._missing_chunks(array, name, start, stop):
            self._complain(
                f"{name}: chunk {chunk} is missing; {stop - start} entries are shown as empty"
            )
        return part

    def _missing_chunks(
        self, array: zarr.Array[Any], name: str, start: int, stop: int
    ) -> list[int]:
        """Zarr reads a chunk that is not there as fill values. Only seen on a local disk, where a look costs little."""
        if self._path is None:
            return []
        folder, tail = self._path / name / "c", ["0"] * (array.ndim - 1)
        chunks = range(start // array.chunks[0], -(-stop // array.chunks[0]))
        return [chunk for chunk in chunks if not folder.joinpath(str(chunk), *tail).exists()]

    def _complain(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _try_read(array: zarr.Array[Any], start: int, stop: int) -> Array | Exception:
    """The second try is for a shared disk that lost its connection for a moment."""
    try:
        return np.asarray(array[start:stop])
    except Exception:  # noqa: BLE001 - each codec and store fails in its own way; what fails twice is told in `problems`
        pass
    try:
        return np.asarray(array[start:stop])
    except Exception as error:  # noqa: BLE001 - the same
        return error


def _chunk_ranges(array: zarr.Array[Any], start: int, stop: int) -> list[tuple[int, int]]:
    length = array.chunks[0]
    firsts = [start, *range((start // length + 1) * length, stop, length)]
    return list(zip(firsts, [*firsts[1:], stop], strict=True))


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
