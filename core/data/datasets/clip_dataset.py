"""The data set of a set of clips: read from a prepared cache, else decoded batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asgml.core.data.base import SPLITS, Dataset, Rows, Split
from asgml.core.data.cache.find_cache import exclude_undecodable, find_cache
from asgml.core.data.clips.clip_options import ClipOptions, workers_for
from asgml.core.data.clips.clips import Clip, ClipSet, Decoder, Modality, refuse_faults
from asgml.core.data.media.inspect_media import TOLERATED_KINDS, inspect_clips


@dataclass(frozen=True)
class ClipRows:
    """Samples decoded from their files whenever they are read."""

    clips: tuple[Clip, ...]
    decoders: Mapping[str, Decoder]
    workers: int

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def nbytes(self) -> None:
        """None: decoding all samples takes too long to move them to the GPU at once."""
        return None

    def read(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        clips = [self.clips[number] for number in numbers]
        return {
            m: torch.stack([decoder.decode(clip.sources[m], clip.id) for clip in clips])
            for m, decoder in self.decoders.items()
        }

    def only(self, modalities: Sequence[str]) -> ClipRows:
        return replace(self, decoders={m: self.decoders[m] for m in modalities})


def load_clips(clip_set: ClipSet, options: ClipOptions) -> Dataset:
    """Return the data set, from a cache where `options` find one. Raise DataError for faults."""
    modalities = clip_set.choose_modalities(options.modalities)
    workers = workers_for(options.workers)
    cache, reason = find_cache(clip_set, options.cache, modalities)
    if cache is not None:
        clip_set = exclude_undecodable(clip_set, cache)
    else:
        clip_set = exclude_unreadable(clip_set, modalities, workers)
    refuse_faults(clip_set, options.allow_missing)
    views = {m: modality.view for m, modality in modalities.items()}
    decoders = {m: modality.decoder for m, modality in modalities.items()}
    splits = {}
    for split in SPLITS:
        clips = clip_set.splits[split]
        labels = torch.tensor([clip.label for clip in clips], dtype=torch.int64)
        rows: Rows = ClipRows(clips, decoders, workers)
        if cache is not None:
            rows = cache.rows_of(clips, list(modalities))
        splits[split] = Split({}, labels, rows, views)
    shapes = {m: modality.shape for m, modality in modalities.items()}
    info = {**describe(clip_set), "read from": str(cache.path) if cache else "files"}
    if reason:
        info["cache"] = reason
    return Dataset(clip_set.name, tuple(modalities), clip_set.classes, shapes, splits, info)


def exclude_unreadable(
    clip_set: ClipSet, modalities: Mapping[str, Modality], workers: int
) -> ClipSet:
    """Return the data set with the clips whose headers fail among its faults.

    A header that cannot be read, or that promises more than the file holds, costs a third of a
    millisecond here; a training would meet it in the middle of its first epoch.
    """
    inspections = inspect_clips(clip_set, modalities, quick=True, workers=workers)
    faults = [fault for inspection in inspections for fault in inspection.faults]
    return clip_set.exclude([fault for fault in faults if fault.kind not in TOLERATED_KINDS])


def describe(clip_set: ClipSet) -> dict[str, Any]:
    """Return what a run records of its data, as JSON."""
    classes = len(clip_set.classes)
    labels = {
        split: np.array([clip.label for clip in clips], dtype=np.int64)
        for split, clips in clip_set.splits.items()
    }
    counts = {split: np.bincount(of, minlength=classes).tolist() for split, of in labels.items()}
    return {
        "source": str(clip_set.root),
        "counts": {split: len(clips) for split, clips in clip_set.splits.items()},
        "class_counts": counts,
        "missing": len(clip_set.faults),
        "decoding": {m: modality.decoder.settings for m, modality in clip_set.modalities.items()},
        **clip_set.info,
    }
