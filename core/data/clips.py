"""Clips: samples that lie in files, each with its sources; what can be wrong with them, and which become validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from asgml.core.data.base import SPLITS, DataError, View
from asgml.core.data.clip_options import ClipOptions
from asgml.core.data.options import check_names

NAMED_FAULTS = 5  # faults that an error names; `asgml data check` lists all


@dataclass(frozen=True)
class Source:
    """What a modality of a clip is decoded from: a file, or the images of its frames in order of time.

    `start` and `seconds` are the part of the file that the clip is; None is all of it.
    """

    paths: tuple[Path, ...]
    start: float = 0.0
    seconds: float | None = None


@dataclass(frozen=True)
class Clip:
    """One sample: its name, its class, its sources by modality. `group` is the person, where a name tells."""

    id: str
    label: int
    sources: Mapping[str, Source]
    group: str = ""


class Decoder(Protocol):
    """Turns a source into one sample of a modality. Decodes the same source to the same numbers, in any process."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> torch.dtype: ...

    @property
    def settings(self) -> dict[str, Any]:
        """JSON: with other settings it would decode to something else."""
        ...

    def decode(self, source: Source, clip: str) -> Tensor:
        """(*shape) of dtype; what it draws, it draws from the clip's name. Raises DataError, one line that names the file."""
        ...


@dataclass(frozen=True)
class Modality:
    """How a modality is decoded, how training and evaluation see it, and the shape of what they see."""

    decoder: Decoder
    shape: tuple[int, ...]
    view: View


@dataclass(frozen=True)
class Fault:
    """What is wrong with a clip: its name, the file, the kind (missing, empty, unreadable, short, silent) and the reason."""

    clip: str
    path: Path
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.clip}: {self.path}: {self.reason}"


@dataclass(frozen=True)
class ClipSet:
    """A data set before its files are decoded.

    `splits` hold the clips that are there; `faults` name those of the lists that are not. `published` has the sizes that the
    lists should have, by split. `info` is JSON. `apart` are choices that give the same clips other sources, such as another
    folder of frames: each has a cache of its own.
    """

    name: str
    root: Path
    classes: tuple[str, ...]
    splits: Mapping[str, tuple[Clip, ...]]
    modalities: Mapping[str, Modality]
    faults: tuple[Fault, ...] = ()
    published: Mapping[str, int] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    apart: Mapping[str, str] = field(default_factory=dict)


def refuse_faults(found: ClipSet, options: ClipOptions) -> None:
    """No clip is left out in silence; and none of the splits may be empty."""
    if found.faults and not options.allow_missing:
        named = "; ".join(str(fault) for fault in found.faults[:NAMED_FAULTS])
        more = (
            f"; and {len(found.faults) - NAMED_FAULTS} more"
            if len(found.faults) > NAMED_FAULTS
            else ""
        )
        raise DataError(
            f"{len(found.faults)} clips of {found.name} cannot be used: {named}{more}. "
            f"`asgml data check {found.name}:{found.root}` lists all; --allow-missing trains without them"
        )
    for part in SPLITS:
        if not found.splits.get(part):
            raise DataError(
                f"{found.name} in {found.root}: no {part} clip is there; see `asgml data check {found.name}:{found.root}`"
            )


def choose_modalities(found: ClipSet, wanted: list[str] | None) -> dict[str, Modality]:
    if wanted is None:
        return dict(found.modalities)
    check_names("modalities", wanted, list(found.modalities))
    return {m: found.modalities[m] for m in wanted}
