"""Readers of one array of a cache: plain file reads of uncompressed chunks, else through zarr."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BytesCodec

from asgml.core.data.base import DataError
from asgml.core.data.error_text import error_reason

ADVICE = "run `asgml data prepare` again"


class ArrayReader(Protocol):
    """A reader of the samples of one modality, (N, …), by their rows."""

    @property
    def row_bytes(self) -> int: ...

    def read(self, rows: Sequence[int]) -> NDArray[Any]:
        """Return (len(rows), …). Raise DataError, one line that names the file."""
        ...

    def damaged_chunks(self) -> list[int]:
        """Return the chunks whose file is missing or of another size than it should have.

        zarr itself reads a missing one as zeros.
        """
        ...

    def chunk_file(self, chunk: int) -> Path: ...


def open_reader(array: zarr.Array[Any], folder: Path) -> ArrayReader:
    """Return the reader of the array in `folder` that its metadata allow."""
    if is_plain(array):
        return PlainReader(folder, tuple(array.shape), array.chunks[0], np.dtype(array.dtype).name)
    return ZarrReader(array, folder)


def is_plain(array: zarr.Array[Any]) -> bool:
    """Return True where the chunks are laid out as in CACHE.md, in this machine's byte order.

    Each then is a file with the bytes of some whole samples, uncompressed.
    """
    metadata = array.metadata
    if metadata.zarr_format != 3 or len(metadata.codecs) != 1:
        return False
    codec = metadata.codecs[0]
    if not isinstance(codec, BytesCodec) or array.chunks[1:] != array.shape[1:]:
        return False
    endian = codec.endian.value if codec.endian is not None else sys.byteorder
    key = metadata.encode_chunk_key((7, *(0 for _ in array.shape[1:])))  # any chunk but the first
    return endian == sys.byteorder and key == chunk_key(7, array.ndim)


def chunk_key(chunk: int, dimensions: int) -> str:
    """Return the file name of a chunk. All chunks lie in one folder: c.0.0.0, c.1.0.0, …"""
    return ".".join(["c", str(chunk), *(["0"] * (dimensions - 1))])


@dataclass(frozen=True)
class PlainReader:
    """A reader of files of `per_chunk` samples: opening one takes 8 µs, the rest is the copy."""

    folder: Path
    shape: tuple[int, ...]
    per_chunk: int
    dtype: str

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * np.dtype(self.dtype).itemsize

    def read(self, rows: Sequence[int]) -> NDArray[Any]:
        # numpy asks the system for huge pages and torch does not: that halves the time, most of
        # which goes into new pages.
        values = np.empty((len(rows), *self.shape[1:]), self.dtype)
        flat = values.reshape(len(rows), math.prod(self.shape[1:])).view(np.uint8)
        for row, space in zip(rows, flat, strict=True):
            self._read_into(space, row)
        return values

    def _read_into(self, space: NDArray[np.uint8], row: int) -> None:
        chunk, place = divmod(row, self.per_chunk)
        path = self.chunk_file(chunk)
        try:
            with open(path, "rb", buffering=0) as file:
                file.seek(place * len(space))
                count = file.readinto(space.data)
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error_reason(error)}); {ADVICE}") from error
        if count != len(space):
            raise DataError(f"{path} is too short: it ends inside sample {row}; {ADVICE}")

    def chunk_file(self, chunk: int) -> Path:
        return self.folder / chunk_key(chunk, len(self.shape))

    def damaged_chunks(self) -> list[int]:
        # A chunk has its full size also where the samples end before it does.
        expected = self.per_chunk * self.row_bytes
        chunks = range(math.ceil(self.shape[0] / self.per_chunk))
        return [chunk for chunk in chunks if file_size(self.chunk_file(chunk)) != expected]


def file_size(path: Path) -> int:
    """Return the bytes of a file, -1 where there is none."""
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


@dataclass(frozen=True)
class ZarrReader:
    """A reader of an array in another layout: about a millisecond for every chunk it touches."""

    array: zarr.Array[Any]
    folder: Path

    @property
    def row_bytes(self) -> int:
        return math.prod(self.array.shape[1:]) * np.dtype(self.array.dtype).itemsize

    def read(self, rows: Sequence[int]) -> NDArray[Any]:
        try:
            return np.asarray(self.array.oindex[np.asarray(rows)])
        except Exception as error:  # a damaged chunk fails in whichever codec meets it
            raise DataError(f"{self.folder} cannot be read ({error}); {ADVICE}") from error

    def chunk_file(self, chunk: int) -> Path:
        return self.folder

    def damaged_chunks(self) -> list[int]:
        whole = self.array.nchunks_initialized == self.array.nchunks
        return [] if whole else list(range(self.array.cdata_shape[0]))
