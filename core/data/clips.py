"""Clips: samples that lie in files, each with its sources; what can be wrong with them, and which become validation."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from asgml.core.data.base import SPLITS, DataError, View
from asgml.core.data.options import check_flag, check_names, check_whole

NAMED_FAULTS = 5  # faults that an error names; `asgml data check` lists all
MOST_WORKERS = 8


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


@dataclass(frozen=True)
class ClipOptions:
    """Options of every data set that is read from files.

    `modalities`: the ones to use. `allow_missing`: train without the clips whose files are missing. `workers`: processes that
    decode, -1 for one a core, at most 8. `cache`: "auto" uses a prepared cache beside the data where there is one, "off" never,
    "require" refuses to decode, and so does the path of a cache or of a folder of caches. `val`: clips taken from train for
    validation, in proportion to the classes, where the lists have no validation part; 0 stands for a tenth.
    """

    modalities: list[str] | None = None
    allow_missing: bool = False
    workers: int = -1
    cache: str = "auto"
    val: int = 0

    def __post_init__(self) -> None:
        check_flag("allow_missing", self.allow_missing)
        check_whole("workers", self.workers, -1, 128)
        check_whole("val", self.val, 0, 10**7)
        if not (isinstance(self.cache, str) and "/" in self.cache):
            check_choice("cache", self.cache, ("auto", "off", "require", "a path with a /"))


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


def carve_val(
    train: Sequence[Clip], count: int, seed: int
) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Train and val: `count` clips (a tenth for 0) go to val, in proportion to the classes, by largest remainder."""
    rng = np.random.default_rng(seed)
    labels = np.array([clip.label for clip in train], dtype=np.int64)
    wanted = count or round(len(train) / 10)
    if not 0 < wanted < len(train):
        told = (
            f"option val is {count}, but train has {len(train)} clips"
            if count
            else f"train has {len(train)} clips, too few to take a tenth"
        )
        raise DataError(f"{told}; give val as a number below that, or more clips")
    sizes = np.bincount(labels)
    shares = wanted * sizes / len(train)
    take = np.floor(shares).astype(int)
    take[np.argsort(take - shares, kind="stable")[: wanted - take.sum()]] += 1
    chosen = {
        int(i)
        for number, n in enumerate(take)
        for i in rng.permutation(np.flatnonzero(labels == number))[:n]
    }
    rest = tuple(clip for i, clip in enumerate(train) if i not in chosen)
    return rest, tuple(train[i] for i in sorted(chosen))


def with_val(found: ClipSet, options: ClipOptions, seed: int) -> ClipSet:
    """`found`, with val carved from train where the lists have none."""
    if found.splits.get("val"):
        return found
    train, val = carve_val(found.splits["train"], options.val, seed)
    note = {"val": f"{len(val)} of train, stratified, seed {seed}"}
    return replace(
        found, splits={**found.splits, "train": train, "val": val}, info={**found.info, **note}
    )


def workers_for(asked: int) -> int:
    """As many as asked for, or one a core that this process may use."""
    if asked >= 0:
        return asked
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return min(cores, MOST_WORKERS)


def check_choice(option: str, given: object, known: Sequence[str]) -> None:
    if given not in known:
        raise DataError(f"option {option} is {given!r}; expected one of {', '.join(known)}")
