"""Checks data before it is trained on: counts, classes, lengths and sizes, and every file that cannot be used, by name."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from asgml.core.data.base import NAMED, SPLITS, Dataset, load_data, split_name
from asgml.core.data.clips import Clip, ClipSet, Fault, choose_modalities, workers_for
from asgml.core.data.inspect_media import TRAINED_ON, Looked, look_at_all

Progress = Callable[[int, int], None]
Finder = Callable[[Path, Mapping[str, Any], int], ClipSet]


@dataclass(frozen=True)
class Part:
    """One split: the samples that would be trained on or tested, those its list names, those published; samples by class.

    Where the lists have no validation split, it is taken from train: 0 are listed, and train has fewer than its list. None is unknown.
    """

    samples: int
    listed: int | None
    published: int | None
    classes: tuple[int, ...]


@dataclass(frozen=True)
class Report:
    """What a check found. `faults` end a training, `odd` clips (silent ones) are trained on as they are.

    `inputs` has, by modality, what was measured of its samples; `remarks` are good to know.
    """

    name: str
    source: str
    classes: tuple[str, ...]
    parts: Mapping[str, Part]
    inputs: Mapping[str, Mapping[str, Any]]
    faults: tuple[Fault, ...] = ()
    odd: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()
    quick: bool = False
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fit(self) -> bool:
        """Whether a training would read every sample: no file fails, and no split is empty."""
        return not self.faults and all(part.samples for part in self.parts.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "source": self.source,
            "fit": self.fit,
            "quick": self.quick,
            "classes": list(self.classes),
            "splits": {
                name: {
                    **asdict(part),
                    "classes": dict(zip(self.classes, part.classes, strict=True)),
                }
                for name, part in self.parts.items()
            },
            "inputs": {m: dict(facts) for m, facts in self.inputs.items()},
            "faults": [_fault(one) for one in self.faults],
            "odd": [_fault(one) for one in self.odd],
            "remarks": list(self.remarks),
            "info": dict(self.info),
        }


def check(
    spec: str,
    options: Mapping[str, Any],
    seed: int,
    *,
    quick: bool = False,
    workers: int = -1,
    published: Mapping[str, int] | None = None,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Looks at everything in `spec`, in as many threads as asked for. Raises DataError where it cannot even be listed."""
    found = find_clips(spec, options, seed)
    if found is None:
        as_stored = {
            **options,
            "normalize": False,
        }  # a sample that holds nothing shows as one number throughout
        return check_arrays(load_data(spec, as_stored, seed), published or {})
    return check_clips(found, options, quick=quick, workers=workers, progress=progress)


def find_clips(spec: str, options: Mapping[str, Any], seed: int) -> ClipSet | None:
    """The clips of a data set that is read from files; None for one that is read into memory as a whole."""
    name, path = split_name(spec)
    module = importlib.import_module(NAMED[name].partition(":")[0]) if name else None
    finder = getattr(module, "find", None)
    return cast(Finder, finder)(Path(path), options, seed) if finder is not None and path else None


def check_clips(
    found: ClipSet, options: Mapping[str, Any], *, quick: bool, workers: int, progress: Progress
) -> Report:
    modalities = choose_modalities(found, options.get("modalities"))
    clips = [clip for part in SPLITS for clip in found.splits.get(part, ())]
    looked = look_at_all(
        clips, modalities, quick=quick, workers=max(workers_for(workers), 1), progress=progress
    )
    seen = [fault for one in looked for fault in one.faults]
    faults = (*found.faults, *(fault for fault in seen if fault.kind not in TRAINED_ON))
    odd = tuple(fault for fault in seen if fault.kind in TRAINED_ON)
    parts = {part: _part(found, part) for part in SPLITS}
    inputs = {m: _measures(m, looked) for m in modalities}
    remarks = (*_sizes(parts), *_shared(found), *_without_training(found), *_notes(found))
    return Report(
        found.name,
        str(found.root),
        found.classes,
        parts,
        inputs,
        faults,
        odd,
        remarks,
        quick,
        dict(found.info),
    )


def check_arrays(data: Dataset, published: Mapping[str, int]) -> Report:
    """Data in memory: its loader has refused what cannot be used."""
    parts = {}
    for name, split in data.splits.items():
        counts = np.bincount(split.labels.numpy(), minlength=len(data.classes)).tolist()
        parts[name] = Part(len(split), None, published.get(name), tuple(counts))
    inputs = {
        m: {"shape": list(data.shapes[m]), "constant": _constant(data, m)} for m in data.modalities
    }
    constant = [
        f"{m}: {facts['constant']} samples hold the same number throughout"
        for m, facts in inputs.items()
        if facts["constant"]
    ]
    shared = data.info.get("groups_shared")
    groups = (
        [
            f"{shared} groups (persons, clips) of train are in test too: results are not about strangers"
        ]
        if shared
        else []
    )
    told_by_loader = data.info.get("warnings")
    remarks = [*(_sizes(parts) if told_by_loader is None else told_by_loader), *constant, *groups]
    told = {
        key: value
        for key, value in data.info.items()
        if key not in ("normalisation", "counts", "class_counts")
    }
    return Report(
        data.name,
        str(data.info.get("source", "")),
        data.classes,
        parts,
        inputs,
        (),
        (),
        tuple(remarks),
        False,
        told,
    )


def _fault(fault: Fault) -> dict[str, str]:
    return {"clip": fault.clip, "path": str(fault.path), "kind": fault.kind, "reason": fault.reason}


def _part(found: ClipSet, name: str) -> Part:
    clips = found.splits.get(name, ())
    counts = np.bincount(
        np.array([clip.label for clip in clips], dtype=np.int64), minlength=len(found.classes)
    )
    listed = found.info.get("listed")
    return Part(
        len(clips),
        listed.get(name, 0) if isinstance(listed, dict) else None,
        found.published.get(name),
        tuple(counts.tolist()),
    )


def _sizes(parts: Mapping[str, Part]) -> list[str]:
    """Where a split is not as large as it was published: what is trained on it does not compare with published numbers."""
    found = {
        name: part.samples if part.listed is None else part.listed for name, part in parts.items()
    }
    return [
        f"{name} has {found[name]} samples, published {part.published}: its numbers do not compare with published ones"
        for name, part in parts.items()
        if part.published is not None and found[name] != part.published
    ]


def _shared(found: ClipSet) -> list[str]:
    """Clips and persons that train shares with another split."""
    train = found.splits.get("train", ())
    others = {part: found.splits.get(part, ()) for part in SPLITS if part != "train"}
    clips = {
        part: {clip.id for clip in train} & {clip.id for clip in other}
        for part, other in others.items()
    }
    persons = {part: len(_groups(train) & _groups(other)) for part, other in others.items()}
    remarks = [
        f"{len(ids)} clips of train are in {part} too, such as {min(ids)!r}"
        for part, ids in clips.items()
        if ids
    ]
    shared = [f"{count} are in {part} too" for part, count in persons.items() if count]
    return remarks + (
        [
            f"of the persons (or videos) of train, {' and '.join(shared)}: results are not about strangers"
        ]
        if shared
        else []
    )


def _groups(clips: tuple[Clip, ...]) -> set[str]:
    return {clip.group for clip in clips if clip.group}


def _without_training(found: ClipSet) -> list[str]:
    trained = {clip.label for clip in found.splits.get("train", ())}
    absent = [name for label, name in enumerate(found.classes) if label not in trained]
    return [f"no clip of train shows {absent[0]!r} ({len(absent)} such classes)"] if absent else []


def _notes(found: ClipSet) -> list[str]:
    """What the data set's own loader finds strange about it."""
    return list(found.info.get("warnings", ()))


def _measures(modality: str, looked: list[Looked]) -> dict[str, Any]:
    """Smallest, median and largest of what is a quantity; how many files have each rate, count of channels, or image size."""
    facts = [one.facts[modality] for one in looked if modality in one.facts]
    measured: dict[str, Any] = {"read": len(facts)}
    for key in ("seconds", "frames", "fps"):
        values = [float(fact[key]) for fact in facts if fact.get(key) is not None]
        measured |= (
            {key: {"min": min(values), "median": float(np.median(values)), "max": max(values)}}
            if values
            else {}
        )
    for key, name in (("rate", "rates"), ("channels", "channels"), ("size", "sizes")):
        counts = Counter(str(fact[key]) for fact in facts if fact.get(key) is not None)
        measured |= {name: dict(sorted(counts.items()))} if counts else {}
    return measured


def _constant(data: Dataset, modality: str) -> int:
    """Samples of a modality in which every number is the same: padding alone, or a signal that was lost."""
    count = 0
    for split in data.splits.values():
        flat = split.inputs[modality].flatten(1) if modality in split.inputs else torch.zeros(0, 1)
        count += int((flat == flat[:, :1]).all(dim=1).sum()) if flat.shape[1] > 1 else 0
    return count
