"""A prepared cache as it is on the disk: clips decoded once into a Zarr group (CACHE.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from numpy.typing import NDArray
from torch import Tensor
from zarr.storage import LocalStore

from asgml.core.data.base import DataError
from asgml.core.data.cache.array_reader import ArrayReader, open_reader
from asgml.core.data.cache.identity import fingerprints
from asgml.core.data.cache.zarr_arrays import FORMAT, VERSION
from asgml.core.data.clips.clips import Clip


@dataclass(frozen=True)
class CachedRows:
    """Samples of a split in a cache. `places` has the row of each sample there."""

    readers: Mapping[str, ArrayReader]
    places: NDArray[np.int64]
    workers: int = 0  # passing a sample on from another process costs more than reading it

    def __len__(self) -> int:
        return len(self.places)

    @property
    def nbytes(self) -> int:
        return len(self) * sum(reader.row_bytes for reader in self.readers.values())

    def read(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        rows = self.places[np.asarray(numbers, dtype=np.int64)].tolist()
        return {m: torch.from_numpy(reader.read(rows)) for m, reader in self.readers.items()}

    def only(self, modalities: Sequence[str]) -> CachedRows:
        return replace(self, readers={m: self.readers[m] for m in modalities})


@dataclass(frozen=True)
class Cache:
    """The contents of a cache.

    `settings` are those of each modality's decoder. `source` has the fingerprints, (N, modalities),
    of the files that each clip was decoded from, its columns in the order of `settings`.
    """

    path: Path
    settings: Mapping[str, Any]
    complete: bool
    absent: Mapping[str, str]  # clips that could not be decoded, and the reason
    rows: Mapping[str, int]  # clip -> row
    source: NDArray[np.int64]
    arrays: Mapping[str, zarr.Array[Any]]

    @property
    def clips_per_chunk(self) -> int:
        return int(next(iter(self.arrays.values())).chunks[0])

    def reader(self, modality: str) -> ArrayReader:
        return open_reader(self.arrays[modality], self.path / modality)

    def rows_of(self, clips: Sequence[Clip], modalities: Sequence[str]) -> CachedRows:
        places = np.array([self.rows[clip.id] for clip in clips], dtype=np.int64)
        return CachedRows({m: self.reader(m) for m in modalities}, places)

    def rows_in(self, chunk: int, length: int) -> range:
        """Return the rows of a chunk in an array of `length` rows, which may end inside it."""
        first = chunk * self.clips_per_chunk
        return range(first, min(first + self.clips_per_chunk, length))

    def outdated(self, clips: Sequence[Clip], modalities: Sequence[str], root: Path) -> list[Clip]:
        """Return the clips that are not in the cache, or whose files changed since."""
        columns = [list(self.settings).index(m) for m in modalities]
        return [
            clip
            for clip in clips
            if clip.id not in self.rows
            or self.source[self.rows[clip.id], columns].tolist()
            != fingerprints(clip, modalities, root)
        ]


def open_cache(path: Path) -> Cache:
    """Open the cache at `path`, whether complete or not.

    Raise DataError where there is none of this version.
    """
    advice = "give another place, or remove it first"
    try:
        group = zarr.open_group(LocalStore(path), mode="r")
        facts: dict[str, Any] = dict(group.attrs)
        if (facts.get("format"), facts.get("version")) != (FORMAT, VERSION):
            raise DataError(f"{path} is no {FORMAT} of version {VERSION}; {advice}")
        names = np.asarray(_array(group, "id")[...]).tolist()
        source = np.asarray(_array(group, "source")[...])
        settings = dict(facts["settings"])
        absent = {str(clip): str(reason) for clip, reason in facts["absent"].items()}
        if len(source) < len(names) or source.shape[1:] != (len(settings),):
            damage = f"source has shape {source.shape} for {len(names)} clips"
            raise DataError(f"{path} is damaged: {damage}; remove it and prepare again")
        arrays = {m: _array(group, m) for m in settings}
    except DataError:
        raise
    except Exception as error:  # zarr raises its own, OSError, ValueError, KeyError or a JSON error
        raise DataError(f"{path} cannot be read as a cache ({error}); {advice}") from error
    rows = {str(name): row for row, name in enumerate(names) if name}
    return Cache(path, settings, facts.get("complete") is True, absent, rows, source, arrays)


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise TypeError(f"{name} is a group")
    return array
