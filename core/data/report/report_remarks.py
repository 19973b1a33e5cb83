"""The remarks of a report on a data set: no faults, but worth knowing before it is trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asgml.core.data.base import SPLITS, Dataset
from asgml.core.data.clips.clips import Clip, ClipSet
from asgml.core.data.report.dataset_report import SplitReport

NOT_STRANGERS = "results are not about strangers"


def size_remarks(splits: Mapping[str, SplitReport]) -> list[str]:
    """Name the splits of another size than published: their results do not compare."""
    remarks = []
    for name, split in splits.items():
        size = split.samples if split.listed is None else split.listed
        if split.published is not None and size != split.published:
            sizes = f"{name} has {size} samples, published {split.published}"
            remarks.append(f"{sizes}: its numbers do not compare with published ones")
    return remarks


def shared_remarks(clip_set: ClipSet) -> list[str]:
    """Name the splits with which train shares clips, or persons and videos."""
    train = clip_set.splits.get("train", ())
    others = {split: clip_set.splits.get(split, ()) for split in SPLITS if split != "train"}
    remarks, shared = [], []
    for split, clips in others.items():
        if ids := {clip.id for clip in train} & {clip.id for clip in clips}:
            remarks.append(f"{len(ids)} clips of train are in {split} too, such as {min(ids)!r}")
        if count := len(groups_of(train) & groups_of(clips)):
            shared.append(f"{count} are in {split} too")
    if shared:
        groups = f"of the persons (or videos) of train, {' and '.join(shared)}"
        remarks.append(f"{groups}: {NOT_STRANGERS}")
    return remarks


def groups_of(clips: Sequence[Clip]) -> set[str]:
    return {clip.group for clip in clips if clip.group}


def untrained_remarks(clip_set: ClipSet) -> list[str]:
    """Name a class without a training clip."""
    trained = {clip.label for clip in clip_set.splits.get("train", ())}
    absent = [name for label, name in enumerate(clip_set.classes) if label not in trained]
    return [f"no clip of train shows {absent[0]!r} ({len(absent)} such classes)"] if absent else []


def loader_warnings(info: Mapping[str, Any]) -> list[str]:
    """Return what the data set's own loader found unusual about it."""
    return list(info.get("warnings", ()))


def constant_remarks(constant: Mapping[str, int]) -> list[str]:
    """Name the modalities with samples of one number throughout; `constant` counts them."""
    return [
        f"{m}: {count} samples hold the same number throughout"
        for m, count in constant.items()
        if count
    ]


def group_remarks(data: Dataset) -> list[str]:
    """Name the number of groups that train shares with test."""
    shared = data.info.get("groups_shared")
    if not shared:
        return []
    return [f"{shared} groups (persons, clips) of train are in test too: {NOT_STRANGERS}"]
