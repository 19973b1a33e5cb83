"""A prepared cache: every clip of a data set decoded once, in a Zarr group beside its files (CACHE.md)."""

from __future__ import annotations

import hashlib
import json
import os
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
from asgml.core.data.cache.cache_arrays import FORMAT, VERSION
from asgml.core.data.cache.stored import Stored, stored
from asgml.core.data.clips import Clip, ClipSet, Fault, Modality

FOLDER = "asgml-cache"
MISSING = 1  # fingerprint of a source whose file is not there; 0 stands for a clip that is not decoded yet
NAMED_CLIPS = 5


@dataclass(frozen=True)
class CachedRows:
    """Samples read from a cache. `places`: the row of each sample there."""

    arrays: Mapping[str, Stored]
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

    def stored(self, modality: str) -> Stored:
        return stored(self.arrays[modality], self.path / modality)

    def read_by(self, clips: Sequence[Clip], modalities: Sequence[str]) -> CachedRows:
        places = np.array([self.rows[clip.id] for clip in clips], dtype=np.int64)
        return CachedRows({m: self.stored(m) for m in modalities}, places)

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


def find_cache(
    found: ClipSet, wish: str, chosen: Mapping[str, Modality]
) -> tuple[Cache | None, str]:
    """The cache to read from, or None and what speaks against the one that is there.

    `wish` is "auto", "off", "require", or the path of a cache or of a folder of caches, which then is required. Raises
    DataError where a cache is required and cannot be used.
    """
    if wish == "off":
        return None, ""
    where = None if wish in ("auto", "require") else Path(wish).expanduser()
    reasons = []
    for path in places(found, where):
        cache, reason = judge(path, found, chosen)
        if not reason:
            return cache, ""
        reasons.append(reason)
    if wish == "auto":
        return None, reasons[0] if reasons else ""
    reason = reasons[0] if reasons else f"there is none at {cache_path(found, where)}"
    to = f" --to {where}" if where else ""
    command = f"`asgml data prepare {found.name}:{found.root}{to}`, with the same options"
    raise DataError(f"no cache of {found.name} can be used: {reason}; make it with {command}")


def places(found: ClipSet, where: Path | None) -> list[Path]:
    """The caches of this data set that are there: the one that should be read first, then those of other settings."""
    first = cache_path(found, where)
    others = (
        []
        if where is not None and where.suffix == ".zarr"
        else sorted(first.parent.glob(f"{found.name}-*.zarr"))
    )
    return [path for path in (first, *(path for path in others if path != first)) if path.exists()]


def judge(path: Path, found: ClipSet, chosen: Mapping[str, Modality]) -> tuple[Cache | None, str]:
    """The cache at `path`, or why it cannot be used."""
    try:
        cache = open_cache(path)
    except DataError as error:
        return None, str(error)
    return cache, why_not(cache, found, chosen)


def why_not(cache: Cache, found: ClipSet, chosen: Mapping[str, Modality]) -> str:
    """Why this data set cannot be read from the cache; "" where it can."""
    if differs := other_settings(cache, chosen):
        return f"{cache.path} was made with other settings of {', '.join(differs)}"
    if not cache.complete:
        return f"{cache.path} is not complete"
    clips = every_clip(found)
    if stale := cache.stale(clips, list(chosen), found.root):
        return f"{len(stale)} clips ({some([clip.id for clip in stale])}) are not in {cache.path} or have changed since"
    files = [array.file(chunk) for array in map(cache.stored, chosen) for chunk in array.damaged()]
    return f"{files[0]} is missing or damaged" if files else ""


def other_settings(cache: Cache, chosen: Mapping[str, Modality]) -> list[str]:
    """The modalities that the cache lacks, or that are decoded otherwise there."""
    asked = settings_of(chosen)
    return [m for m in asked if cache.settings.get(m) != asked[m]]


def without_absent(found: ClipSet, cache: Cache) -> ClipSet:
    """The data set with the clips that could not be decoded among its faults."""
    gone = [clip for clip in every_clip(found) if clip.id in cache.absent]
    faults = [
        absent_fault(clip, first_file(clip, found.root), cache.absent[clip.id]) for clip in gone
    ]
    kept = {
        part: tuple(clip for clip in clips if clip.id not in cache.absent)
        for part, clips in found.splits.items()
    }
    return replace(found, splits=kept, faults=(*found.faults, *faults)) if gone else found


def absent_fault(clip: Clip, path: Path, reason: str) -> Fault:
    """The reason names its file, and so does a fault."""
    return Fault(clip.id, path, "unreadable", reason.removeprefix(f"{path}: "))


def first_file(clip: Clip, root: Path) -> Path:
    return next((path for source in clip.sources.values() for path in source.paths), root)


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


def cache_path(found: ClipSet, where: Path | None = None) -> Path:
    """Where the cache of this data set lies: `where`, if that ends in .zarr; else in that folder, by default beside the files.

    The name has 8 digits of the decoding settings and of the folders, so caches of several lie side by side.
    """
    if where is not None and where.suffix == ".zarr":
        return where
    told = json.dumps([settings_of(found.modalities), dict(found.apart)], sort_keys=True)
    digest = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()
    return (where or found.root / FOLDER) / f"{found.name}-{digest[:8]}.zarr"


def settings_of(modalities: Mapping[str, Modality]) -> dict[str, Any]:
    """The settings of each decoder as JSON gives them back, so that they can be compared with stored ones."""
    settings: dict[str, Any] = json.loads(
        json.dumps({m: facts_of(modality) for m, modality in modalities.items()})
    )
    return settings


def facts_of(modality: Modality) -> dict[str, Any]:
    decoder = modality.decoder
    return {
        **decoder.settings,
        "shape": decoder.shape,
        "dtype": str(decoder.dtype).removeprefix("torch."),
    }


def every_clip(found: ClipSet) -> list[Clip]:
    """The clips of all splits by their names. Raises DataError where a name stands for two different clips."""
    clips: dict[str, Clip] = {}
    for clip in (clip for part in found.splits.values() for clip in part):
        if clips.setdefault(clip.id, clip).sources != clip.sources:
            raise DataError(
                f"{found.name} in {found.root}: the name {clip.id!r} stands for two clips with different files; rename one"
            )
    return [clips[name] for name in sorted(clips)]


def fingerprints(clip: Clip, modalities: Sequence[str], root: Path) -> list[int]:
    """A number for each modality's sources: which part of which files, their sizes and times of change. Reads no content."""
    return [fingerprint(clip, m, f"{os.fspath(root)}/") for m in modalities]


def fingerprint(clip: Clip, modality: str, root: str) -> int:
    source = clip.sources[modality]
    words = [repr((source.start, source.seconds))]
    for path in source.paths:
        name = os.fspath(path)
        try:
            facts = os.stat(name)
        except OSError:
            return MISSING
        words.append(
            f"{name.removeprefix(root)}\0{facts.st_size}\0{facts.st_mtime_ns}"
        )  # so the folder can be moved
    digest = hashlib.blake2b(
        "\0".join(words).encode("utf-8", "surrogateescape"), digest_size=8
    ).digest()
    return max(int.from_bytes(digest, "big") >> 1, MISSING + 1)


def some(names: Sequence[str]) -> str:
    """The first few names, for an error."""
    return ", ".join(repr(name) for name in names[:NAMED_CLIPS]) + (
        ", …" if len(names) > NAMED_CLIPS else ""
    )
