"""Makes a cache: decodes every clip once, a chunk at a time, so that a killed preparation goes on where it stopped."""

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
from asgml.core.data.cache.identity import cache_path, settings_of, unique_clips
from asgml.core.data.cache.zarr_arrays import add_clips, create_cache, open_writable
from asgml.core.data.clip_options import ClipOptions, workers_for
from asgml.core.data.clips import NAMED_FAULTS, Clip, ClipSet, refuse_faults
from asgml.core.data.worker_loading import map_in_workers
from asgml.storage.write.lock import WriterLock, WriterLockedError

Progress = Callable[[int, int], None]


def prepare(
    found: ClipSet, where: Path | None, *, workers: int, allow_missing: bool, progress: Progress
) -> Path:
    """Decodes the clips of all splits into a cache, and returns its path.

    `where` is the cache itself (….zarr) or a folder for it, by default asgml-cache beside the data. `workers` -1 is one a core.
    `progress` is told how many clips are decoded, of how many. What an earlier preparation has decoded is kept, also after a
    kill, unless its sources have changed. Raises DataError, one line; also for clips that cannot be decoded, unless
    `allow_missing` leaves them out.
    """
    refuse_faults(found, ClipOptions(allow_missing=allow_missing))
    path = cache_path(found, where)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path):
            cache = open_or_create(found, path)
            faults = decode_outdated(found, cache, workers_for(workers), progress, allow_missing)
    except OSError as error:  # a full disk, a folder that may not be written
        reason = error.strerror or str(error)
        raise DataError(
            f"{path} cannot be written ({reason}); make room or give another place; what is decoded is kept"
        ) from error
    if faults and not allow_missing:
        named = "; ".join(
            f"{clip}: {reason}" for clip, reason in list(faults.items())[:NAMED_FAULTS]
        )
        more = f"; and {len(faults) - NAMED_FAULTS} more" if len(faults) > NAMED_FAULTS else ""
        raise DataError(
            f"{len(faults)} clips of {found.name} cannot be decoded: {named}{more}. --allow-missing leaves them out"
        )
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Refuses a second process that prepares the same cache. The lock of a dead one is taken over."""
    try:
        lock = WriterLock(path.with_name(f"{path.name}.lock"))
    except WriterLockedError as error:
        raise DataError(f"{path} is being prepared by another process: {error}") from error
    try:
        yield
    finally:
        lock.release()


def open_or_create(found: ClipSet, path: Path) -> Cache:
    """The cache at `path`, made where there is none, with a row for each clip."""
    settings, clips = settings_of(found.modalities), unique_clips(found)
    if not path.exists() or not any(path.iterdir()):
        create_cache(path, settings)
    cache = open_cache(path)
    if list(cache.settings) != list(settings) or differing_modalities(cache, found.modalities):
        raise DataError(
            f"{path} holds clips decoded with other settings than asked for now; give another place, or remove it first"
        )
    new = [clip.id for clip in clips if clip.id not in cache.rows]
    if not new:
        return cache
    group = open_writable(path)
    group.update_attributes({"complete": False})
    add_clips(group, new)
    return open_cache(path)


def decode_outdated(
    found: ClipSet, cache: Cache, workers: int, progress: Progress, allow_missing: bool
) -> dict[str, str]:
    """Decodes what is not decoded yet. Returns the clips that cannot be, with the reasons."""
    clips = unique_clips(found)
    lost = damaged_rows(cache)
    stale = cache.stale(clips, list(found.modalities), found.root)
    waiting = {clip.id for clip in stale} | {
        clip.id for clip in clips if cache.rows[clip.id] in lost
    }
    todo = sorted(
        (clip for clip in clips if clip.id in waiting), key=lambda clip: cache.rows[clip.id]
    )
    faults = {
        clip.id: cache.absent[clip.id]
        for clip in clips
        if clip.id in cache.absent and clip.id not in waiting
    }
    progress(len(clips) - len(todo), len(clips))
    if cache.complete and not todo and not lost:
        return faults
    check_disk_space(cache)
    writer = CacheWriter(cache, allow_missing)
    writer.discard_damaged(lost)
    blocks = group_by_chunk(todo, cache)
    decoding = ClipDecoding(found, todo)
    done = len(clips) - len(todo)
    with closing(map_in_workers(decoding.decode, blocks, workers)) as decoded:
        for block, part in zip(blocks, decoded, strict=True):
            writer.write([todo[number] for number in block], part)
            faults.update(part.faults)
            done += len(block)
            progress(done, len(clips))
    if allow_missing or not faults:
        writer.mark_complete({fault.clip: fault.reason for fault in found.faults})
    return faults


def group_by_chunk(clips: Sequence[Clip], cache: Cache) -> list[list[int]]:
    """Numbers of clips, those of a chunk together."""
    per_chunk = cache.per_chunk
    blocks: dict[int, list[int]] = {}
    for number, clip in enumerate(clips):
        blocks.setdefault(cache.rows[clip.id] // per_chunk, []).append(number)
    return list(blocks.values())


def damaged_rows(cache: Cache) -> set[int]:
    """Rows of chunks whose file is not whole in some modality."""
    chunks = {chunk for m in cache.settings for chunk in cache.reader(m).damaged_chunks()}
    per_chunk, length = cache.per_chunk, len(cache.source)
    return {
        row
        for chunk in chunks
        for row in range(chunk * per_chunk, min((chunk + 1) * per_chunk, length))
    }


def check_disk_space(cache: Cache) -> None:
    """Refuses what cannot fit before hours are spent on it."""
    arrays = [cache.reader(m) for m in cache.settings]
    needed = sum(
        len(array.damaged_chunks()) * array.row_bytes * cache.per_chunk for array in arrays
    )
    free = shutil.disk_usage(cache.path).free
    if needed > free:
        sizes = f"{needed / 2**30:.1f} GiB more, {free / 2**30:.1f} are free there"
        raise DataError(f"{cache.path} needs {sizes}; make room or give another place")
