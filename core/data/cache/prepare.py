"""Makes a cache: decodes every clip once, a chunk at a time, so that a killed preparation goes on where it stopped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import zarr
from torch import Tensor

from asgml.core.data.base import DataError
from asgml.core.data.cache.cache import (
    Cache,
    cache_path,
    every_clip,
    fingerprints,
    open_cache,
    other_settings,
    settings_of,
)
from asgml.core.data.cache.cache_arrays import add_clips, make_arrays, open_to_write, write_rows
from asgml.core.data.clips import (
    NAMED_FAULTS,
    Clip,
    ClipOptions,
    ClipSet,
    Decoder,
    refuse_faults,
    workers_for,
)
from asgml.core.data.worker_loading import in_processes
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
            cache = begin(found, path)
            faults = bring_up_to_date(found, cache, workers_for(workers), progress, allow_missing)
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


def begin(found: ClipSet, path: Path) -> Cache:
    """The cache at `path`, made where there is none, with a row for each clip."""
    settings, clips = settings_of(found.modalities), every_clip(found)
    if not path.exists() or not any(path.iterdir()):
        make_arrays(path, settings)
    cache = open_cache(path)
    if list(cache.settings) != list(settings) or other_settings(cache, found.modalities):
        raise DataError(
            f"{path} holds clips decoded with other settings than asked for now; give another place, or remove it first"
        )
    new = [clip.id for clip in clips if clip.id not in cache.rows]
    if not new:
        return cache
    group = open_to_write(path)
    group.update_attributes({"complete": False})
    add_clips(group, new)
    return open_cache(path)


def bring_up_to_date(
    found: ClipSet, cache: Cache, workers: int, progress: Progress, allow_missing: bool
) -> dict[str, str]:
    """Decodes what is not decoded yet. Returns the clips that cannot be, with the reasons."""
    clips = every_clip(found)
    lost = lost_rows(cache)
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
    check_room(cache)
    writing = Writing(cache, allow_missing)
    writing.forget(lost)
    blocks = by_chunk(todo, cache)
    decoding = Decoding(found, todo)
    done = len(clips) - len(todo)
    with closing(in_processes(decoding.read, blocks, workers)) as decoded:
        for block, part in zip(blocks, decoded, strict=True):
            writing.write([todo[number] for number in block], part)
            faults.update(part.faults)
            done += len(block)
            progress(done, len(clips))
    if allow_missing or not faults:
        writing.complete({fault.clip: fault.reason for fault in found.faults})
    return faults


@dataclass(frozen=True)
class Decoded:
    """Some clips, decoded: the values (n, …) of the n without a fault, the fingerprints of all."""

    values: Mapping[str, Tensor]
    sources: Sequence[Sequence[int]]
    faults: Mapping[str, str]


@dataclass(frozen=True)
class Decoding:
    """Decodes in any process."""

    found: ClipSet
    clips: Sequence[Clip]

    def read(self, numbers: Sequence[int]) -> Decoded:
        chosen, faults = [self.clips[number] for number in numbers], {}
        # before they are read: a file that changes meanwhile is then found to be changed
        sources = [
            fingerprints(clip, list(self.found.modalities), self.found.root) for clip in chosen
        ]
        good = []
        for clip in chosen:
            try:
                good.append(
                    {
                        m: decode(modality.decoder, clip, m)
                        for m, modality in self.found.modalities.items()
                    }
                )
            except DataError as error:
                faults[clip.id] = str(error)
        values = {
            m: torch.stack([sample[m] for sample in good]) for m in self.found.modalities if good
        }
        return Decoded(values, sources, faults)


def decode(decoder: Decoder, clip: Clip, modality: str) -> Tensor:
    """One sample. A decoder that breaks its promise must not fill the cache by broadcasting."""
    tensor = decoder.decode(clip.sources[modality], clip.id)
    if tuple(tensor.shape) != tuple(decoder.shape) or tensor.dtype != decoder.dtype:
        raise DataError(
            f"{clip.id}: {modality} is {tuple(tensor.shape)} {tensor.dtype}; expected {tuple(decoder.shape)} {decoder.dtype}"
        )
    return tensor


class Writing:
    """Puts decoded clips into their rows: first the samples, then what says that they are there."""

    def __init__(self, cache: Cache, allow_missing: bool) -> None:
        self.cache = cache
        self.allow_missing = allow_missing
        self.absent = dict(cache.absent)
        self.group: zarr.Group = open_to_write(cache.path)
        self.group.update_attributes({"complete": False})

    def forget(self, lost: Set[int]) -> None:
        """These rows hold no clip any more; the damaged files go, since zarr would read one before it puts samples in."""
        rows = [row for row in sorted(lost) if self.cache.source[row].any()]
        if rows:
            write_rows(
                self.group,
                "source",
                rows,
                np.zeros((len(rows), len(self.cache.settings)), dtype=np.int64),
            )
        for m in self.cache.settings:
            array = self.cache.stored(m)
            for chunk in array.damaged():
                array.file(chunk).unlink(missing_ok=True)

    def write(self, clips: Sequence[Clip], decoded: Decoded) -> None:
        good = [number for number, clip in enumerate(clips) if clip.id not in decoded.faults]
        rows = [self.cache.rows[clip.id] for clip in clips]
        for m, values in decoded.values.items():
            write_rows(self.group, m, [rows[number] for number in good], values.numpy())
        self._record(clips, decoded.faults)
        if told := list(range(len(clips))) if self.allow_missing else good:
            sources = np.array([decoded.sources[number] for number in told], dtype=np.int64)
            write_rows(self.group, "source", [rows[number] for number in told], sources)

    def _record(self, clips: Sequence[Clip], faults: Mapping[str, str]) -> None:
        absent = {
            name: reason
            for name, reason in self.absent.items()
            if name not in {clip.id for clip in clips}
        }
        absent.update(faults if self.allow_missing else {})
        if absent != self.absent:
            self.group.update_attributes({"absent": absent})
            self.absent = absent

    def complete(self, missing: Mapping[str, str]) -> None:
        """The mark comes last, and after a power cut there is no mark without what it stands for."""
        self.fill()
        os.sync()
        self.group.update_attributes({"missing": dict(missing), "complete": True})

    def fill(self) -> None:
        """Zeros for chunks that hold none of the clips asked for: a chunk whose file is not there counts as damaged."""
        for m, array in self.cache.arrays.items():
            for chunk in self.cache.stored(m).damaged():
                rows = range(
                    chunk * self.cache.per_chunk,
                    min((chunk + 1) * self.cache.per_chunk, array.shape[0]),
                )
                write_rows(
                    self.group, m, rows, np.zeros((len(rows), *array.shape[1:]), dtype=array.dtype)
                )


def by_chunk(clips: Sequence[Clip], cache: Cache) -> list[list[int]]:
    """Numbers of clips, those of a chunk together."""
    per_chunk = cache.per_chunk
    blocks: dict[int, list[int]] = {}
    for number, clip in enumerate(clips):
        blocks.setdefault(cache.rows[clip.id] // per_chunk, []).append(number)
    return list(blocks.values())


def lost_rows(cache: Cache) -> set[int]:
    """Rows of chunks whose file is not whole in some modality."""
    chunks = {chunk for m in cache.settings for chunk in cache.stored(m).damaged()}
    per_chunk, length = cache.per_chunk, len(cache.source)
    return {
        row
        for chunk in chunks
        for row in range(chunk * per_chunk, min((chunk + 1) * per_chunk, length))
    }


def check_room(cache: Cache) -> None:
    """Refuses what cannot fit before hours are spent on it."""
    arrays = [cache.stored(m) for m in cache.settings]
    needed = sum(len(array.damaged()) * array.row_bytes * cache.per_chunk for array in arrays)
    free = shutil.disk_usage(cache.path).free
    if needed > free:
        sizes = f"{needed / 2**30:.1f} GiB more, {free / 2**30:.1f} are free there"
        raise DataError(f"{cache.path} needs {sizes}; make room or give another place")
