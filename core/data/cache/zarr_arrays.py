"""The arrays of a cache as CACHE.md lays them down: made, made longer, and filled."""

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
INDEX_CHUNK_CLIPS = (
    4096  # clips a chunk of `id` and `source`: `source` is written after every chunk of samples
)

# zarr leaves out a chunk of zeros by default: silence and darkness would look like samples that were lost
KEEP_EMPTY: Any = {"write_empty_chunks": True}


def create_cache(path: Path, settings: Mapping[str, Any]) -> None:
    """A cache without clips. It appears at `path` at once: what lies there is never half of one."""
    if taken := [m for m in settings if m in INDEX_ARRAYS]:
        raise DataError(f"a modality cannot be called {taken[0]!r} in a cache")
    beside = path.with_name(f"{path.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "settings": dict(settings),
        "absent": {},
        "complete": False,
    }
    group = zarr.create_group(LocalStore(beside), attributes=facts, zarr_format=3)
    per_chunk = clips_per_chunk(settings)
    for m, facts in settings.items():
        _create_array(group, m, facts["shape"], per_chunk, facts["dtype"])
    _create_array(group, "source", [len(settings)], INDEX_CHUNK_CLIPS, "int64")
    group.create_array("id", shape=(0,), chunks=(INDEX_CHUNK_CLIPS,), dtype=str)
    beside.rename(path)


def _create_array(
    group: zarr.Group, name: str, shape: Sequence[int], per_chunk: int, dtype: str
) -> None:
    """(0, *shape), uncompressed, its chunks in one folder: so that core/data/cache/stored.py can read them past zarr."""
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


def clips_per_chunk(settings: Mapping[str, Any]) -> int:
    """Clips a chunk: the same for every modality, so that a chunk of each can be finished together."""
    largest = max(
        math.prod(facts["shape"]) * np.dtype(facts["dtype"]).itemsize for facts in settings.values()
    )
    return int(max(1, min(CHUNK_CLIPS, CHUNK_BYTES // max(largest, 1))))


def open_writable(path: Path) -> zarr.Group:
    return zarr.open_group(LocalStore(path), mode="r+")


def add_clips(group: zarr.Group, names: Sequence[str]) -> None:
    """Gives each of these clips a row. The names come last: a row with a name is there in every array.

    Rows without a name, which a kill leaves in here, are used first.
    """
    known = _array(group, "id")
    free = [row for row, name in enumerate(np.asarray(known[...]).tolist()) if not name][
        : len(names)
    ]
    rows = [*free, *range(known.shape[0], known.shape[0] + len(names) - len(free))]
    length = max(known.shape[0], rows[-1] + 1)
    for name, array in group.arrays():
        if name != "id":
            array.resize((length, *array.shape[1:]))
    known.resize((length,))
    write_rows(group, "id", rows, np.array(list(names), dtype=object))


def write_rows(group: zarr.Group, name: str, rows: Sequence[int], values: NDArray[Any]) -> None:
    """Puts values (len(rows), …) into these rows, in ascending order. Each chunk is replaced in one step."""
    array = _array(group, name).with_config(KEEP_EMPTY)
    if rows[-1] - rows[0] + 1 == len(rows):
        array[rows[0] : rows[-1] + 1] = values
    else:
        array.oindex[np.asarray(rows)] = values


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """The array as it is on the disk now. One that stays open keeps the length it had."""
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise DataError(f"{name} in {group.store} is no array; remove the cache")
    return array
