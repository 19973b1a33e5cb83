"""A prepared cache: every clip of a data set decoded once, in a Zarr group beside its files (CACHE.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from asgml.core.data.clips import Clip


@dataclass(frozen=True)
class CachedRows:
    """Samples read from a cache. `places`: the row of each sample there."""

    arrays: Mapping[str, ArrayReader]
    places: NDArray[np.int64]
    workers: int = 0  # passing a sample on from another process costs more than reading it

    def __len__(self) -> int:
        return len(self.places)

    @property
    def nbytes(self) -> int:
        return len(self) * sum(array.row_bytes for array in self.arrays.values())

    def read(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        rows = self.places[np.asarray(numbers, dtype=np.int64)].tolist()
        return {m: torch.from_numpy(array.read(rows)) for m, array in self.arrays.items()}


@dataclass(frozen=True)
class Cache:
    """A cache as it is on the disk. `source` has the fingerprint (N, modalities) of what each clip was decoded from."""

    path: Path
    settings: Mapping[
        str, Any
    ]  # modality -> settings of its decoder, in the order of the columns of `source`
    complete: bool
    absent: Mapping[str, str]  # clips that could not be decoded, and the reason
    rows: Mapping[str, int]  # clip -> row
    source: NDArray[np.int64]
    arrays: Mapping[str, zarr.Array[Any]]

    @property
    def per_chunk(self) -> int:
        """Clips a chunk."""
        return int(next(iter(self.arrays.values())).chunks[0])

    def reader(self, modality: str) -> ArrayReader:
        return open_reader(self.arrays[modality], self.path / modality)

    def rows_of(self, clips: Sequence[Clip], modalities: Sequence[str]) -> CachedRows:
        places = np.array([self.rows[clip.id] for clip in clips], dtype=np.int64)
        return CachedRows({m: self.reader(m) for m in modalities}, places)

    def stale(self, clips: Sequence[Clip], modalities: Sequence[str], root: Path) -> list[Clip]:
        """The clips that are not in the cache, or whose sources have changed since they were decoded."""
        columns = [list(self.settings).index(m) for m in modalities]
        return [clip for clip in clips if not self._fresh(clip, modalities, columns, root)]

    def _fresh(
        self, clip: Clip, modalities: Sequence[str], columns: Sequence[int], root: Path
    ) -> bool:
        row = self.rows.get(clip.id)
        return row is not None and self.source[row, columns].tolist() == fingerprints(
            clip, modalities, root
        )


def open_cache(path: Path) -> Cache:
    """The cache at `path`, also one that is not complete. Raises DataError where there is none of this version."""
    try:
        group = zarr.open_group(LocalStore(path), mode="r")
        facts: dict[str, Any] = dict(group.attrs)
        if (facts.get("format"), facts.get("version")) != (FORMAT, VERSION):
            raise DataError(
                f"{path} is no {FORMAT} of version {VERSION}; give another place, or remove it first"
            )
        names, source = (
            np.asarray(_array(group, "id")[...]).tolist(),
            np.asarray(_array(group, "source")[...]),
        )
        settings, absent = (
            dict(facts["settings"]),
            {str(clip): str(reason) for clip, reason in facts["absent"].items()},
        )
        if len(source) < len(names) or source.shape[1:] != (len(settings),):
            raise DataError(
                f"{path} is damaged: source has shape {source.shape} for {len(names)} clips; remove it and prepare again"
            )
        arrays = {m: _array(group, m) for m in settings}
    except DataError:
        raise
    except Exception as error:  # zarr raises its own, OSError, ValueError, KeyError or a JSON error
        raise DataError(
            f"{path} cannot be read as a cache ({error}); give another place, or remove it first"
        ) from error
    rows = {str(name): row for row, name in enumerate(names) if name}
    return Cache(path, settings, facts.get("complete") is True, absent, rows, source, arrays)


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    array = group[name]
    if not isinstance(array, zarr.Array):
        raise TypeError(f"{name} is a group")
    return array
