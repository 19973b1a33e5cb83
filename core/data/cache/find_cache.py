"""The search for a cache that a data set can be read from, and the reason where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.cache.clip_cache import Cache, open_cache
from asgml.core.data.cache.identity import cache_path, settings_of
from asgml.core.data.clips.clips import Clip, ClipSet, Fault, Modality
from asgml.storage.format.user_path import expand_user

NAMED_CLIPS = 5  # in an error


def find_cache(
    clip_set: ClipSet, option: str, modalities: Mapping[str, Modality]
) -> tuple[Cache | None, str]:
    """Return the cache to read from, or None and the reason against the one that is there.

    `option` is "auto", "off", "require", or the path of a cache or of a folder of caches, which is
    then required. Raise DataError where a cache is required and none can be used.
    """
    if option == "off":
        return None, ""
    target = None if option in ("auto", "require") else expand_user(option, DataError)
    reasons = []
    for path in existing_caches(clip_set, target):
        cache, reason = open_if_usable(path, clip_set, modalities)
        if not reason:
            return cache, ""
        reasons.append(reason)
    if option == "auto":
        return None, reasons[0] if reasons else ""
    reason = reasons[0] if reasons else f"there is none at {cache_path(clip_set, target)}"
    to = f" --to {target}" if target else ""
    command = f"`asgml data prepare {clip_set.name}:{clip_set.root}{to}`, with the same options"
    raise DataError(f"no cache of {clip_set.name} can be used: {reason}; make it with {command}")


def existing_caches(clip_set: ClipSet, target: Path | None) -> list[Path]:
    """Return the caches of a data set: the one of its own settings first, then those of others.

    A cache of other settings can still serve a run on some of its modalities.
    """
    first = cache_path(clip_set, target)
    if target is not None and target.suffix == ".zarr":
        return [first] if first.exists() else []
    others = sorted(first.parent.glob(f"{clip_set.name}-*.zarr"))
    return [path for path in (first, *(path for path in others if path != first)) if path.exists()]


def open_if_usable(
    path: Path, clip_set: ClipSet, modalities: Mapping[str, Modality]
) -> tuple[Cache | None, str]:
    """Return the cache at `path`, and the reason where it cannot be used."""
    try:
        cache = open_cache(path)
    except DataError as error:
        return None, str(error)
    return cache, reason_unusable(cache, clip_set, modalities)


def reason_unusable(cache: Cache, clip_set: ClipSet, modalities: Mapping[str, Modality]) -> str:
    """Return why a data set cannot be read from a cache, "" where it can."""
    if differing := differing_modalities(cache, modalities):
        return f"{cache.path} was made with other settings of {', '.join(differing)}"
    if not cache.complete:
        return f"{cache.path} is not complete"
    if outdated := cache.outdated(clip_set.unique_clips(), list(modalities), clip_set.root):
        clips = f"{len(outdated)} clips ({quoted([clip.id for clip in outdated])})"
        return f"{clips} are not in {cache.path} or have changed since"
    for reader in map(cache.reader, modalities):
        for chunk in reader.damaged_chunks():
            return f"{reader.chunk_file(chunk)} is missing or damaged"
    return ""


def differing_modalities(cache: Cache, modalities: Mapping[str, Modality]) -> list[str]:
    """Return the modalities that a cache lacks, or that were decoded with other settings."""
    wanted = settings_of(modalities)
    return [m for m in wanted if cache.settings.get(m) != wanted[m]]


def exclude_undecodable(clip_set: ClipSet, cache: Cache) -> ClipSet:
    """Return the data set with the clips that preparation could not decode among its faults."""
    absent = [clip for clip in clip_set.unique_clips() if clip.id in cache.absent]
    return clip_set.exclude(
        [undecodable(clip, clip_set.root, cache.absent[clip.id]) for clip in absent]
    )


def undecodable(clip: Clip, root: Path, reason: str) -> Fault:
    path = next((path for source in clip.sources.values() for path in source.paths), root)
    # The stored reason names its file, and so will the fault.
    return Fault(clip.id, path, "unreadable", reason.removeprefix(f"{path}: "))


def quoted(names: Sequence[str]) -> str:
    """Return the first names, quoted, for an error."""
    more = ", …" if len(names) > NAMED_CLIPS else ""
    return ", ".join(repr(name) for name in names[:NAMED_CLIPS]) + more
