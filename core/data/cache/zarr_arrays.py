"""The arrays of a cache as CACHE.md specifies them: created, extended and written through zarr."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.storage import LocalStore

from asgml.core.data.base import DataError

FORMAT = "asgml clip cache"
VERSION = 1
INDEX_ARRAYS = ("id", "source")  # the arrays that are no modality

CHUNK_CLIPS = 32
CHUNK_BYTES = 16 * 2**20
# Clips a chunk of `id` and `source`: large, since `source` is written after every chunk of samples.
INDEX_CHUNK_CLIPS = 4096

# zarr omits a chunk of zeros by default: silence and darkness would count as lost samples.
KEEP_EMPTY: Any = {"write_empty_chunks": True}


def create_cache(path: Path, settings: Mapping[str, Any]) -> None:
    """Create a cache without clips, renamed to `path` once it is whole.

    `settings` are those of each modality's decoder. Raise DataError for a reserved name.
    """
    if taken := [m for m in settings if m in INDEX_ARRAYS]:
        raise DataError(f"a modality cannot be called {taken[0]!r} in a cache")
    temporary = path.with_name(f"{path.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)  # the remains of a kill
    attributes = {
        "format": FORMAT,
        "version": VERSION,
        "settings": dict(settings),
        "absent": {},
        "complete": False,
    }
    group = zarr.create_group(LocalStore(temporary), attributes=attributes, zarr_format=3)
    per_chunk = clips_per_chunk(settings)
    for m, decoded in settings.items():
        _create_array(group, m, decoded["shape"], per_chunk, decoded["dtype"])
    _create_array(group, "source", [len(settings)], INDEX_CHUNK_CLIPS, "int64")
    group.create_array("id", shape=(0,), chunks=(INDEX_CHUNK_CLIPS,), dtype=str)
    temporary.rename(path)


def clips_per_chunk(settings: Mapping[str, Any]) -> int:
    """Return the clips a chunk: the same for all modalities, whose chunks then end together."""
    sizes = [
        math.prod(decoded["shape"]) * np.dtype(decoded["dtype"]).itemsize
        for decoded in settings.values()
    ]
    return int(max(1, min(CHUNK_CLIPS, CHUNK_BYTES // max(*sizes, 1))))


def open_writable(path: Path) -> zarr.Group:
    return zarr.open_group(LocalStore(path), mode="r+")


def add_clips(group: zarr.Group, names: Sequence[str]) -> None:
    """Give each of these clips a row; rows without a name, which a kill leaves, are used first.

    The names are written last: a row with a name exists in every array.
    """
    index = _open_array(group, "id")
    length = index.shape[0]
    unnamed = [row for row, name in enumerate(np.asarray(index[...]).tolist()) if not name]
    reused = unnamed[: len(names)]
    rows = [*reused, *range(length, length + len(names) - len(reused))]
    length = max(length, rows[-1] + 1)
    for name, array in group.arrays():
        if name != "id":
            array.resize((length, *array.shape[1:]))
    index.resize((length,))
    write_rows(group, "id", rows, np.array(list(names), dtype=object))


def write_rows(group: zarr.Group, name: str, rows: Sequence[int], values: NDArray[Any]) -> None:
    """Write values (len(rows), …) to ascending rows. zarr replaces each chunk file in one step."""
    array = _open_array(group, name).with_config(KEEP_EMPTY)
    if rows[-1] - rows[0] + 1 == len(rows):
        array[rows[0] : rows[-1] + 1] = values
    else:
        array.oindex[np.asarray(rows)] = values


def _create_array(
    group: zarr.Group, name: str, shape: Sequence[int], per_chunk: int, dtype: str
) -> None:
    """Create (0, *shape), uncompressed, its chunks in one folder, as PlainReader reads them."""
    group.create_array(
        name,
        shape=(0, *shape),
        chunks=(per_chunk, *shape),
        dtype=dtype,
        filters=None,
        compressors=None,
        fill_value=0,
        chunk_key_encoding={"name": "default", "separator": "."},
        config=KEEP_EMPTY,
    )


def _open_array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """Open an array with its length as it is on the disk now; an open one keeps its old length."""
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise DataError(f"{name} in {group.store} is no array; remove the cache")
    return array
