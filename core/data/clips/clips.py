"""Clips: samples that lie in files, with their sources, decoders and faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from asgml.core.data.base import SPLITS, DataError, View
from asgml.core.data.error_text import first_few
from asgml.core.data.options import check_names


@dataclass(frozen=True)
class Source:
    """The file that a modality of a clip is decoded from, or the images of its frames in order.

    `start` and `seconds` are the interval of the file that the clip is; None is all of it.
    """

    paths: tuple[Path, ...]
    start: float = 0.0
    seconds: float | None = None


@dataclass(frozen=True)
class Clip:
    """One sample: name, class number, and sources by modality.

    `group` is the speaker or video that it shares with other clips, "" where that is unknown.
    """

    id: str
    label: int
    sources: Mapping[str, Source]
    group: str = ""


class Decoder(Protocol):
    """Decoder of a source to one sample of a modality: the same numbers in any process."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> torch.dtype: ...

    @property
    def settings(self) -> dict[str, Any]:
        """All that the decoded numbers depend on beside the source, as JSON."""
        ...

    def decode(self, source: Source, clip: str) -> Tensor:
        """Return (*shape) of dtype, with random choices drawn from the clip's name.

        Raise DataError, one line that names the file.
        """
        ...


@dataclass(frozen=True)
class Modality:
    """A modality's decoder, its view, and the shape of a sample that the network sees."""

    decoder: Decoder
    shape: tuple[int, ...]
    view: View


@dataclass(frozen=True)
class Fault:
    """A clip's name, its unusable file, the kind of fault and the reason.

    The kinds are missing, empty, unreadable, short and silent.
    """

    clip: str
    path: Path
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.clip}: {self.path}: {self.reason}"


@dataclass(frozen=True)
class ClipSet:
    """A data set before its files are decoded.

    `splits` hold the clips with all their files; `faults` name those of the lists without.
    `published` has the sizes of the published lists by split. `info` is JSON. `source_choices` give
    the same clips other sources, such as another folder of frames: each has a cache of its own.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    splits: Mapping[str, tuple[Clip, ...]]
    modalities: Mapping[str, Modality]
    faults: tuple[Fault, ...] = ()
    published: Mapping[str, int] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    source_choices: Mapping[str, str] = field(default_factory=dict)

    def unique_clips(self) -> list[Clip]:
        """Return the clips of all splits, each once, in the order of their names.

        Raise DataError where one name stands for two different clips.
        """
        clips: dict[str, Clip] = {}
        for clip in (clip for split in self.splits.values() for clip in split):
            if clips.setdefault(clip.id, clip).sources != clip.sources:
                reason = f"the name {clip.id!r} stands for two clips with different files"
                raise DataError(f"{self.name} in {self.root}: {reason}; rename one")
        return [clips[name] for name in sorted(clips)]

    def exclude(self, faults: Sequence[Fault]) -> ClipSet:
        """Return the clips without the faulty ones, which join the faults."""
        faulty = {fault.clip for fault in faults}
        kept = {
            split: tuple(clip for clip in clips if clip.id not in faulty)
            for split, clips in self.splits.items()
        }
        return replace(self, splits=kept, faults=(*self.faults, *faults)) if faults else self

    def choose_modalities(self, wanted: list[str] | None) -> dict[str, Modality]:
        """Return the wanted modalities, by default all. Raise DataError for an unknown one."""
        if wanted is None:
            return dict(self.modalities)
        check_names("modalities", wanted, list(self.modalities))
        return {m: self.modalities[m] for m in wanted}


def refuse_faults(clip_set: ClipSet, allow_missing: bool) -> None:
    """Raise DataError for an empty split and, unless `allow_missing`, for a clip with a fault."""
    check = f"`asgml data check {clip_set.name}:{clip_set.root}`"
    if clip_set.faults and not allow_missing:
        count = f"{len(clip_set.faults)} clips of {clip_set.name} cannot be used"
        named = first_few([str(fault) for fault in clip_set.faults])
        advice = f"{check} lists all; --allow-missing trains without them"
        raise DataError(f"{count}: {named}. {advice}")
    for split in SPLITS:
        if not clip_set.splits.get(split):
            place = f"{clip_set.name} in {clip_set.root}"
            raise DataError(f"{place}: no {split} clip is there; see {check}")
