"""Remarks of a report on data."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from asgml.core.data.base import SPLITS, Dataset
from asgml.core.data.clips import Clip, ClipSet
from asgml.core.data.dataset_report import SplitReport


def size_remarks(parts: Mapping[str, SplitReport]) -> list[str]:
    """Where a split is not as large as it was published: what is trained on it does not compare with published numbers."""
    found = {
        name: part.samples if part.listed is None else part.listed for name, part in parts.items()
    }
    return [
        f"{name} has {found[name]} samples, published {part.published}: its numbers do not compare with published ones"
        for name, part in parts.items()
        if part.published is not None and found[name] != part.published
    ]


def shared_remarks(found: ClipSet) -> list[str]:
    """Clips and persons that train shares with another split."""
    train = found.splits.get("train", ())
    others = {part: found.splits.get(part, ()) for part in SPLITS if part != "train"}
    clips = {
        part: {clip.id for clip in train} & {clip.id for clip in other}
        for part, other in others.items()
    }
    persons = {part: len(groups_of(train) & groups_of(other)) for part, other in others.items()}
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


def groups_of(clips: tuple[Clip, ...]) -> set[str]:
    return {clip.group for clip in clips if clip.group}


def untrained_remarks(found: ClipSet) -> list[str]:
    trained = {clip.label for clip in found.splits.get("train", ())}
    absent = [name for label, name in enumerate(found.classes) if label not in trained]
    return [f"no clip of train shows {absent[0]!r} ({len(absent)} such classes)"] if absent else []


def loader_warnings(found: ClipSet) -> list[str]:
    """What the data set's own loader finds strange about it."""
    return list(found.info.get("warnings", ()))


def count_constant(data: Dataset, modality: str) -> int:
    """Samples of a modality in which every number is the same: padding alone, or a signal that was lost."""
    count = 0
    for split in data.splits.values():
        flat = split.inputs[modality].flatten(1) if modality in split.inputs else torch.zeros(0, 1)
        count += int((flat == flat[:, :1]).all(dim=1).sum()) if flat.shape[1] > 1 else 0
    return count
