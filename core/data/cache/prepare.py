"""The preparation of a cache: clips decoded once, a chunk at a time, resumable after a kill."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.cache.cache_writer import CacheWriter
from asgml.core.data.cache.clip_cache import Cache, open_cache
from asgml.core.data.cache.decode_clips import ClipDecoding
from asgml.core.data.cache.find_cache import differing_modalities
from asgml.core.data.cache.identity import cache_path, settings_of
from asgml.core.data.cache.zarr_arrays import add_clips, create_cache, open_writable
from asgml.core.data.clips.clip_options import workers_for
from asgml.core.data.clips.clips import Clip, ClipSet, refuse_faults
from asgml.core.data.error_text import error_reason, first_few
from asgml.core.data.loading.worker_loading import map_in_workers
from asgml.storage.write.lock import WriterLock, WriterLockedError

Progress = Callable[[int, int], None]


def prepare(
    clip_set: ClipSet,
    target: Path | None,
    *,
    workers: int,
    allow_missing: bool,
    progress: Progress,
) -> Path:
    """Decode the clips of all splits into a cache, and return its path.

    `target` is the cache itself (….zarr) or a folder for it, by default asgml-cache beside the
    data. `workers` -1 is one a core. `progress` gets the number of decoded clips and of all. Clips
    from an earlier preparation are kept, also after a kill, unless their files have changed. Raise
    DataError, one line; also for clips that cannot be decoded, unless `allow_missing`.
    """
    refuse_faults(clip_set, allow_missing)
    path = cache_path(clip_set, target)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            cache = open_or_create(clip_set, path)
            faults = decode_outdated(clip_set, cache, workers_for(workers), progress, allow_missing)
    except OSError as error:  # a full disk, a folder that may not be written
        advice = "make room or give another place; what is decoded is kept"
        raise DataError(f"{path} cannot be written ({error_reason(error)}); {advice}") from error
    if faults and not allow_missing:
        named = first_few([f"{clip}: {reason}" for clip, reason in faults.items()])
        count = f"{len(faults)} clips of {clip_set.name} cannot be decoded"
        raise DataError(f"{count}: {named}. --allow-missing leaves them out")
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a cache, which is taken over from a dead process.

    Raise DataError where another process prepares the same cache.
    """
    try:
        lock = WriterLock(path.with_name(f"{path.name}.lock"))
    except WriterLockedError as error:
        raise DataError(f"{path} is being prepared by another process: {error}") from error
    try:
        yield
    finally:
        lock.release()


def open_or_create(clip_set: ClipSet, path: Path) -> Cache:
    """Open the cache at `path`, created where there is none, with a row for each clip."""
    settings = settings_of(clip_set.modalities)
    if not path.exists() or not any(path.iterdir()):
        create_cache(path, settings)
    cache = open_cache(path)
    if list(cache.settings) != list(settings) or differing_modalities(cache, clip_set.modalities):
        reason = "holds clips decoded with other settings than asked for now"
        raise DataError(f"{path} {reason}; give another place, or remove it first")
    new = [clip.id for clip in clip_set.unique_clips() if clip.id not in cache.rows]
    if not new:
        return cache
    group = open_writable(path)
    group.update_attributes({"complete": False})
    add_clips(group, new)
    return open_cache(path)


def decode_outdated(
    clip_set: ClipSet, cache: Cache, workers: int, progress: Progress, allow_missing: bool
) -> dict[str, str]:
    """Decode the clips that are not in the cache, or not as their files are now.

    Return the clips that cannot be decoded, with the reasons.
    """
    clips = clip_set.unique_clips()
    damaged = damaged_rows(cache)
    pending = pending_clips(clip_set, clips, cache, damaged)
    ids = {clip.id for clip in pending}
    faults = {name: cache.absent[name] for name in absent_names(clips, cache) if name not in ids}
    done = len(clips) - len(pending)
    progress(done, len(clips))
    if cache.complete and not pending and not damaged:
        return faults
    check_disk_space(cache)
    writer = CacheWriter(cache, allow_missing)
    writer.discard_damaged(damaged)
    blocks = group_by_chunk(pending, cache)
    decoding = ClipDecoding(clip_set, pending)
    with closing(map_in_workers(decoding.decode, blocks, workers)) as results:
        for block, decoded in zip(blocks, results, strict=True):
            writer.write([pending[number] for number in block], decoded)
            faults.update(decoded.faults)
            done += len(block)
            progress(done, len(clips))
    if allow_missing or not faults:
        writer.mark_complete({fault.clip: fault.reason for fault in clip_set.faults})
    return faults


def pending_clips(
    clip_set: ClipSet, clips: Sequence[Clip], cache: Cache, damaged: set[int]
) -> list[Clip]:
    """Return the clips to decode in the order of their rows: outdated ones and damaged ones."""
    outdated = cache.outdated(clips, list(clip_set.modalities), clip_set.root)
    ids = {clip.id for clip in outdated}
    pending = [clip for clip in clips if clip.id in ids or cache.rows[clip.id] in damaged]
    return sorted(pending, key=lambda clip: cache.rows[clip.id])


def absent_names(clips: Sequence[Clip], cache: Cache) -> list[str]:
    return [clip.id for clip in clips if clip.id in cache.absent]


def group_by_chunk(clips: Sequence[Clip], cache: Cache) -> list[list[int]]:
    """Return the numbers of the clips, those of one chunk in one list: a chunk is written whole."""
    chunks: dict[int, list[int]] = {}
    for number, clip in enumerate(clips):
        chunks.setdefault(cache.rows[clip.id] // cache.clips_per_chunk, []).append(number)
    return list(chunks.values())


def damaged_rows(cache: Cache) -> set[int]:
    """Return the rows of chunks whose file is missing or cut in some modality."""
    chunks = {chunk for m in cache.settings for chunk in cache.reader(m).damaged_chunks()}
    return {row for chunk in chunks for row in cache.rows_in(chunk, len(cache.source))}


def check_disk_space(cache: Cache) -> None:
    """Raise DataError where the samples do not fit, before hours are spent on them."""
    readers = [cache.reader(m) for m in cache.settings]
    chunks = [len(reader.damaged_chunks()) * cache.clips_per_chunk for reader in readers]
    needed = sum(clips * reader.row_bytes for clips, reader in zip(chunks, readers, strict=True))
    free = shutil.disk_usage(cache.path).free
    if needed > free:
        sizes = f"{needed / 2**30:.1f} GiB more, {free / 2**30:.1f} are free there"
        raise DataError(f"{cache.path} needs {sizes}; make room or give another place")
