"""Puts decoded clips into the arrays of a cache."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set

import numpy as np
import zarr

from asgml.core.data.cache.clip_cache import Cache
from asgml.core.data.cache.decode_clips import DecodedClips
from asgml.core.data.cache.zarr_arrays import open_writable, write_rows
from asgml.core.data.clips import Clip


class CacheWriter:
    """Puts decoded clips into their rows: first the samples, then what says that they are there."""

    def __init__(self, cache: Cache, allow_missing: bool) -> None:
        self.cache = cache
        self.allow_missing = allow_missing
        self.absent = dict(cache.absent)
        self.group: zarr.Group = open_writable(cache.path)
        self.group.update_attributes({"complete": False})

    def discard_damaged(self, lost: Set[int]) -> None:
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
            array = self.cache.reader(m)
            for chunk in array.damaged_chunks():
                array.chunk_file(chunk).unlink(missing_ok=True)

    def write(self, clips: Sequence[Clip], decoded: DecodedClips) -> None:
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

    def mark_complete(self, missing: Mapping[str, str]) -> None:
        """The mark comes last, and after a power cut there is no mark without what it stands for."""
        self.fill_empty_chunks()
        os.sync()
        self.group.update_attributes({"missing": dict(missing), "complete": True})

    def fill_empty_chunks(self) -> None:
        """Zeros for chunks that hold none of the clips asked for: a chunk whose file is not there counts as damaged."""
        for m, array in self.cache.arrays.items():
            for chunk in self.cache.reader(m).damaged_chunks():
                rows = range(
                    chunk * self.cache.per_chunk,
                    min((chunk + 1) * self.cache.per_chunk, array.shape[0]),
                )
                write_rows(
                    self.group, m, rows, np.zeros((len(rows), *array.shape[1:]), dtype=array.dtype)
                )
