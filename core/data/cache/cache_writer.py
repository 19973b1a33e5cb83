"""The writer of decoded clips into the arrays of a cache, in an order that survives a kill."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set

import numpy as np
import zarr

from asgml.core.data.cache.clip_cache import Cache
from asgml.core.data.cache.decode_clips import DecodedClips
from asgml.core.data.cache.zarr_arrays import open_writable, write_rows
from asgml.core.data.clips.clips import Clip


class CacheWriter:
    """The writer of one preparation. A fingerprint is written after the samples it vouches for."""

    def __init__(self, cache: Cache, allow_missing: bool) -> None:
        self.cache = cache
        self.allow_missing = allow_missing
        self.absent = dict(cache.absent)
        self.group: zarr.Group = open_writable(cache.path)
        self.group.update_attributes({"complete": False})

    def discard_damaged(self, rows: Set[int]) -> None:
        """Mark these rows as not decoded and remove the damaged chunk files.

        zarr would read a damaged file before it puts samples in.
        """
        source = self.cache.source
        filled = [row for row in sorted(rows) if source[row].any()]
        if filled:
            blank = np.zeros((len(filled), source.shape[1]), dtype=np.int64)
            write_rows(self.group, "source", filled, blank)
        for reader in map(self.cache.reader, self.cache.settings):
            for chunk in reader.damaged_chunks():
                reader.chunk_file(chunk).unlink(missing_ok=True)

    def write(self, clips: Sequence[Clip], decoded: DecodedClips) -> None:
        """Write the clips without a fault to their rows, then what they were decoded from.

        Where clips may be missing, faulty ones get a fingerprint too: they are not tried again
        until their files change.
        """
        rows = [self.cache.rows[clip.id] for clip in clips]
        good = [number for number, clip in enumerate(clips) if clip.id not in decoded.faults]
        for m, values in decoded.values.items():
            write_rows(self.group, m, [rows[number] for number in good], values.numpy())
        self._record_absent(clips, decoded.faults)
        done = list(range(len(clips))) if self.allow_missing else good
        if done:
            prints = np.array([decoded.fingerprints[number] for number in done], dtype=np.int64)
            write_rows(self.group, "source", [rows[number] for number in done], prints)

    def _record_absent(self, clips: Sequence[Clip], faults: Mapping[str, str]) -> None:
        decoded = {clip.id for clip in clips}
        absent = {name: reason for name, reason in self.absent.items() if name not in decoded}
        absent.update(faults if self.allow_missing else {})
        if absent != self.absent:
            self.group.update_attributes({"absent": absent})
            self.absent = absent

    def mark_complete(self, missing: Mapping[str, str]) -> None:
        """Mark the cache as complete, and record the clips whose files were missing.

        The mark comes after a sync of the disk: a power cut leaves no mark without the samples.
        """
        self._fill_empty_chunks()
        os.sync()
        self.group.update_attributes({"missing": dict(missing), "complete": True})

    def _fill_empty_chunks(self) -> None:
        """Write zeros to chunks without a clip: one whose file is missing counts as damaged."""
        for m, array in self.cache.arrays.items():
            for chunk in self.cache.reader(m).damaged_chunks():
                rows = self.cache.rows_in(chunk, array.shape[0])
                zeros = np.zeros((len(rows), *array.shape[1:]), dtype=array.dtype)
                write_rows(self.group, m, rows, zeros)
