"""One array of a store that only zarr can read: other codecs, sharded, or in other chunks."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from asgml.storage.format.array_metadata import ArrayMetadata
from asgml.storage.format.bounded_store import BoundedStore

Array = npt.NDArray[Any]


class ForeignArray:
    """An array opened by zarr. Each codec and store fails in its own way."""

    def __init__(self, store: Path, name: str, metadata: ArrayMetadata) -> None:
        self.shape = metadata.shape
        self._chunks = metadata.chunks
        self._folder = store / name
        self._array: zarr.Array[Any] = zarr.open_array(
            BoundedStore(store), path=name, mode="r", zarr_format=3
        )

    def missing(self, chunk: int) -> bool:
        """Return True where a chunk lacks a file, which zarr reads as fill values in silence."""
        counts = zip(self.shape[1:], self._chunks[1:], strict=True)
        others = (range(-(-size // length)) for size, length in counts)
        keys = (
            self._array.metadata.encode_chunk_key((chunk, *place))
            for place in itertools.product(*others)
        )
        files = (self._folder / key for key in keys)
        return not all(file.exists() and not file.is_dir() for file in files)

    def read_into(self, target: Array, start: int) -> None:
        """Fill `target` with the entries from `start` on.

        Raise FileNotFoundError for a chunk without a file, any error for a damaged one.
        """
        stop, length = start + len(target), self._chunks[0]
        if any(self.missing(chunk) for chunk in range(start // length, -(-stop // length))):
            raise FileNotFoundError("a chunk has no file")
        target[:] = np.asarray(self._array[start:stop])
