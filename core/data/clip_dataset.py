"""Makes a data set of clips: read from their prepared cache where there is one, else decoded batch by batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asgml.core.data.base import SPLITS, Dataset, Split
from asgml.core.data.cache.find_cache import exclude_undecodable, find_cache
from asgml.core.data.clip_options import ClipOptions, workers_for
from asgml.core.data.clips import Clip, ClipSet, Decoder, Modality, choose_modalities, refuse_faults
from asgml.core.data.inspect_media import TOLERATED_KINDS, inspect_clips


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
        """Decoding all of it costs too long to be waited for."""
        return None

    def read(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        chosen = [self.clips[number] for number in numbers]
        return {
            m: torch.stack([decoder.decode(clip.sources[m], clip.id) for clip in chosen])
            for m, decoder in self.decoders.items()
        }


def load_clips(found: ClipSet, options: ClipOptions) -> Dataset:
    """The data set: read from a prepared cache where there is one, else decoded batch by batch."""
    chosen = choose_modalities(found, options.modalities)
    cache, reason = find_cache(found, options.cache, chosen)
    found = (
        exclude_undecodable(found, cache)
        if cache is not None
        else exclude_unreadable(found, chosen, workers_for(options.workers))
    )
    refuse_faults(found, options)
    views = {m: modality.view for m, modality in chosen.items()}
    decoders = {m: modality.decoder for m, modality in chosen.items()}
    splits = {}
    for part in SPLITS:
        clips = found.splits[part]
        labels = torch.tensor([clip.label for clip in clips], dtype=torch.int64)
        rows = (
            cache.rows_of(clips, list(chosen))
            if cache
            else ClipRows(clips, decoders, workers_for(options.workers))
        )
        splits[part] = Split({}, labels, rows, views)
    shapes = {m: modality.shape for m, modality in chosen.items()}
    read_from = {
        "read from": str(cache.path) if cache else "files",
        **({"cache": reason} if reason else {}),
    }
    return Dataset(
        found.name, tuple(chosen), found.classes, shapes, splits, {**describe(found), **read_from}
    )


def exclude_unreadable(found: ClipSet, modalities: Mapping[str, Modality], workers: int) -> ClipSet:
    """The data set with the clips among its faults whose files' heads cannot be read, or promise more than is there.

    A third of a millisecond a clip, so that a training does not meet them in the middle of its first epoch.
    """
    clips = [clip for part in SPLITS for clip in found.splits.get(part, ())]
    looked = inspect_clips(
        clips, modalities, quick=True, workers=max(workers, 1), progress=lambda done, total: None
    )
    faults = tuple(
        fault for one in looked for fault in one.faults if fault.kind not in TOLERATED_KINDS
    )
    gone = {fault.clip for fault in faults}
    kept = {
        part: tuple(clip for clip in clips if clip.id not in gone)
        for part, clips in found.splits.items()
    }
    return replace(found, splits=kept, faults=(*found.faults, *faults)) if faults else found


def describe(found: ClipSet) -> dict[str, Any]:
    """What the run records of its data."""
    labels = {
        part: np.array([clip.label for clip in clips], dtype=np.int64)
        for part, clips in found.splits.items()
    }
    return {
        "source": str(found.root),
        "counts": {part: len(clips) for part, clips in found.splits.items()},
        "class_counts": {
            part: np.bincount(numbers, minlength=len(found.classes)).tolist()
            for part, numbers in labels.items()
        },
        "missing": len(found.faults),
        "decoding": {m: modality.decoder.settings for m, modality in found.modalities.items()},
        **found.info,
    }
