"""One array of a local store, its chunk files read and decoded without zarr."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.storage.format.array_metadata import ArrayMetadata
from asgml.storage.format.bounded_file import MAX_CHUNK_BYTES, read_bounded
from asgml.storage.format.chunk_codec import ChunkCodec

Array = npt.NDArray[Any]


class LocalArray:
    """An array whose chunks are files of whole rows in the format's own codecs."""

    def __init__(self, store: Path, name: str, metadata: ArrayMetadata, codec: ChunkCodec) -> None:
        self.shape = metadata.shape
        self._chunks = metadata.chunks
        self._codec = codec
        self._folder = f"{store}/{name}/c"
        self._rest = "/0" * (len(self.shape) - 1)

    def missing(self, chunk: int) -> bool:
        """Return True where a chunk has no file."""
        return not os.path.exists(self._path(chunk))

    def read_into(self, target: Array, start: int) -> None:
        """Fill `target` with the entries from `start` on.

        Raise FileNotFoundError for a chunk without a file, ValueError for a damaged one,
        FormatError and OSError as `read_bounded`.
        """
        length, done = self._chunks[0], 0
        whole = np.empty(self._chunks, target.dtype)
        while done < len(target):
            chunk, skipped = divmod(start + done, length)
            piece = target[done : done + length - skipped]
            if len(piece) == length and piece.flags.c_contiguous:
                self._decode_into(piece, chunk)
            else:
                self._decode_into(whole, chunk)
                piece[:] = whole[skipped : skipped + len(piece)]
            done += len(piece)

    def _decode_into(self, entries: Array, chunk: int) -> None:
        self._codec.decode_into(entries, read_bounded(self._path(chunk), MAX_CHUNK_BYTES))

    def _path(self, chunk: int) -> str:
        return f"{self._folder}/{chunk}{self._rest}"
