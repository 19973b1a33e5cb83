"""Finds the cache to read a data set from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.cache.clip_cache import Cache, open_cache
from asgml.core.data.cache.identity import cache_path, settings_of, unique_clips
from asgml.core.data.clips import Clip, ClipSet, Fault, Modality

NAMED_CLIPS = 5


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
    for path in candidates(found, where):
        cache, reason = open_if_usable(path, found, chosen)
        if not reason:
            return cache, ""
        reasons.append(reason)
    if wish == "auto":
        return None, reasons[0] if reasons else ""
    reason = reasons[0] if reasons else f"there is none at {cache_path(found, where)}"
    to = f" --to {where}" if where else ""
    command = f"`asgml data prepare {found.name}:{found.root}{to}`, with the same options"
    raise DataError(f"no cache of {found.name} can be used: {reason}; make it with {command}")


def candidates(found: ClipSet, where: Path | None) -> list[Path]:
    """The caches of this data set that are there: the one that should be read first, then those of other settings."""
    first = cache_path(found, where)
    others = (
        []
        if where is not None and where.suffix == ".zarr"
        else sorted(first.parent.glob(f"{found.name}-*.zarr"))
    )
    return [path for path in (first, *(path for path in others if path != first)) if path.exists()]


def open_if_usable(
    path: Path, found: ClipSet, chosen: Mapping[str, Modality]
) -> tuple[Cache | None, str]:
    """The cache at `path`, or why it cannot be used."""
    try:
        cache = open_cache(path)
    except DataError as error:
        return None, str(error)
    return cache, reason_unusable(cache, found, chosen)


def reason_unusable(cache: Cache, found: ClipSet, chosen: Mapping[str, Modality]) -> str:
    """Why this data set cannot be read from the cache; "" where it can."""
    if differs := differing_modalities(cache, chosen):
        return f"{cache.path} was made with other settings of {', '.join(differs)}"
    if not cache.complete:
        return f"{cache.path} is not complete"
    clips = unique_clips(found)
    if stale := cache.stale(clips, list(chosen), found.root):
        return f"{len(stale)} clips ({first_names([clip.id for clip in stale])}) are not in {cache.path} or have changed since"
    files = [
        array.chunk_file(chunk)
        for array in map(cache.reader, chosen)
        for chunk in array.damaged_chunks()
    ]
    return f"{files[0]} is missing or damaged" if files else ""


def differing_modalities(cache: Cache, chosen: Mapping[str, Modality]) -> list[str]:
    """The modalities that the cache lacks, or that are decoded otherwise there."""
    asked = settings_of(chosen)
    return [m for m in asked if cache.settings.get(m) != asked[m]]


def exclude_undecodable(found: ClipSet, cache: Cache) -> ClipSet:
    """The data set with the clips that could not be decoded among its faults."""
    gone = [clip for clip in unique_clips(found) if clip.id in cache.absent]
    faults = [
        undecodable_fault(clip, first_file(clip, found.root), cache.absent[clip.id])
        for clip in gone
    ]
    kept = {
        part: tuple(clip for clip in clips if clip.id not in cache.absent)
        for part, clips in found.splits.items()
    }
    return replace(found, splits=kept, faults=(*found.faults, *faults)) if gone else found


def undecodable_fault(clip: Clip, path: Path, reason: str) -> Fault:
    """The reason names its file, and so does a fault."""
    return Fault(clip.id, path, "unreadable", reason.removeprefix(f"{path}: "))


def first_file(clip: Clip, root: Path) -> Path:
    return next((path for source in clip.sources.values() for path in source.paths), root)


def first_names(names: Sequence[str]) -> str:
    """The first few names, for an error."""
    return ", ".join(repr(name) for name in names[:NAMED_CLIPS]) + (
        ", …" if len(names) > NAMED_CLIPS else ""
    )
