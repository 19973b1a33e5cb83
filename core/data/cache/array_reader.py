"""Rows of one array of a cache, read past zarr: an uncompressed chunk is the samples' own bytes, one after the other."""

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


class ArrayReader(Protocol):
    """The samples of one modality, (N, …), by their row."""

    @property
    def row_bytes(self) -> int: ...

    def read(self, rows: Sequence[int]) -> NDArray[Any]:
        """(len(rows), …). Raises DataError, one line that names the file."""
        ...

    def damaged_chunks(self) -> list[int]:
        """Numbers of the chunks whose file is missing or has not its size. zarr would read a missing one as zeros."""
        ...

    def chunk_file(self, chunk: int) -> Path: ...


def open_reader(array: zarr.Array[Any], folder: Path) -> ArrayReader:
    """Reads the array in `folder` by plain file reads where its metadata say that this is right, else through zarr."""
    if is_plain(array):
        return PlainReader(folder, tuple(array.shape), array.chunks[0], np.dtype(array.dtype).name)
    return ZarrReader(array, folder)


def is_plain(array: zarr.Array[Any]) -> bool:
    """Whether each chunk holds some whole samples, uncompressed, in this machine's byte order, in the file that CACHE.md names."""
    codec = (
        array.metadata.codecs[0]
        if array.metadata.zarr_format == 3 and len(array.metadata.codecs) == 1
        else None
    )
    if not isinstance(codec, BytesCodec) or array.chunks[1:] != array.shape[1:]:
        return False
    endian = codec.endian.value if codec.endian is not None else sys.byteorder
    key = array.metadata.encode_chunk_key((7, *(0 for _ in array.shape[1:])))
    return endian == sys.byteorder and key == chunk_key(7, array.ndim)


def chunk_key(chunk: int, dimensions: int) -> str:
    """All chunks of an array lie in one folder: c.0.0.0, c.1.0.0, …"""
    return ".".join(["c", str(chunk), *(["0"] * (dimensions - 1))])


@dataclass(frozen=True)
class PlainReader:
    """`per_chunk` samples a file. A read costs the opening of a file, 8 µs, and the copy."""

    folder: Path
    shape: tuple[int, ...]
    per_chunk: int
    dtype: str

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * np.dtype(self.dtype).itemsize

    def read(self, rows: Sequence[int]) -> NDArray[Any]:
        # numpy asks the system for huge pages and torch does not: half the time, most of which goes into new pages
        values = np.empty((len(rows), *self.shape[1:]), self.dtype)
        flat = values.reshape(len(rows), math.prod(self.shape[1:])).view(np.uint8)
        for row, space in zip(rows, flat, strict=True):
            self._fill(row, space)
        return values

    def _fill(self, row: int, space: NDArray[np.uint8]) -> None:
        chunk, place = divmod(row, self.per_chunk)
        path = self.chunk_file(chunk)
        try:
            with open(path, "rb", buffering=0) as file:
                file.seek(place * len(space))
                got = file.readinto(space.data)
        except OSError as error:
            raise DataError(
                f"{path} cannot be read ({error.strerror}); run `asgml data prepare` again"
            ) from error
        if got != len(space):
            raise DataError(
                f"{path} is too short: it ends inside sample {row}; run `asgml data prepare` again"
            )

    def chunk_file(self, chunk: int) -> Path:
        return self.folder / chunk_key(chunk, len(self.shape))

    def damaged_chunks(self) -> list[int]:
        """A chunk has its full size also where the samples end before it does."""
        expected = self.per_chunk * self.row_bytes
        return [
            chunk
            for chunk in range(-(-self.shape[0] // self.per_chunk))
            if size(self.chunk_file(chunk)) != expected
        ]


def size(path: Path) -> int:
    """In bytes; -1 where there is no such file."""
    try:
        return os.stat(path).st_size
    except OSError:
        return -1


@dataclass(frozen=True)
class ZarrReader:
    """An array that another program wrote in another layout: about a millisecond for every chunk that is touched."""

    array: zarr.Array[Any]
    folder: Path

    @property
    def row_bytes(self) -> int:
        return math.prod(self.array.shape[1:]) * np.dtype(self.array.dtype).itemsize

    def read(self, rows: Sequence[int]) -> NDArray[Any]:
        try:
            return np.asarray(self.array.oindex[np.asarray(rows)])
        except Exception as error:  # a damaged chunk fails in whichever codec meets it
            raise DataError(
                f"{self.folder} cannot be read ({error}); run `asgml data prepare` again"
            ) from error

    def chunk_file(self, chunk: int) -> Path:
        return self.folder

    def damaged_chunks(self) -> list[int]:
        return (
            []
            if self.array.nchunks_initialized == self.array.nchunks
            else list(range(self.array.cdata_shape[0]))
        )
