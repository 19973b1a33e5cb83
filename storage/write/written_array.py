"""One array as the writer writes it: whole chunks, each replacing its file at once."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from asgml.storage.format.array_metadata import read_array_metadata
from asgml.storage.format.arrays import open_array

Array = npt.NDArray[Any]


class WrittenArray:
    """An array of a local store. Chunks in the format's own codecs are written as files.

    zarr would make the same bytes of them, in five times the time. It resizes the array, and
    writes the chunks of a store of other codecs.
    """

    def __init__(self, store: Path, group: zarr.Group, name: str) -> None:
        """Raise FormatError where the array is missing or other than the format lays down."""
        metadata = read_array_metadata(store, name)
        self._array = open_array(group, name)
        self._codec = metadata.codec if metadata.codec and metadata.codec.can_encode else None
        self._folder = f"{store}/{name}/c"
        self._rest = "/0" * (len(metadata.chunks) - 1)
        self.name = name
        self.chunk = metadata.chunks[0]

    @property
    def shape(self) -> tuple[int, ...]:
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    @property
    def fill(self) -> Any:
        """The entry that stands behind the last one."""
        return self._array.fill_value

    def read(self, start: int, stop: int) -> Array:
        """Return entries as zarr reads them, which ends a slice at the shape without a word."""
        return np.asarray(self._array[start:stop])

    def resize(self, length: int) -> None:
        """Set the length of the array; chunks behind it are removed."""
        if self.shape[0] != length:
            self._array.resize((length, *self.shape[1:]))

    def write_chunk(self, first: int, entries: Array) -> None:
        """Replace the chunk that begins at entry `first`. `entries`: as long as a chunk."""
        if self._codec is None:
            self._array[first : first + self.chunk] = entries
            return
        content = self._codec.encode(np.ascontiguousarray(entries, self.dtype))
        replace_file(f"{self._folder}/{first // self.chunk}{self._rest}", content)


def replace_file(path: str, content: bytes) -> None:
    """Write a file beside its place and rename it there: a reader sees the old one or the new.

    The folder is made where there is none.
    """
    aside = f"{path}.{os.getpid()}.partial"
    try:
        handle = _open_new(aside)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        handle = _open_new(aside)
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            _write_all(file, content)
        os.replace(aside, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        raise


def _open_new(path: str) -> int:
    return os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666
    )


def _write_all(file: Any, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
