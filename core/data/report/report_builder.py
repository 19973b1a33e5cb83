"""The building of a report on a data set, from its clips or from its arrays in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from asgml.core.data.base import SPLITS, Dataset, is_class, load_data, split_name
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.clips.clip_options import workers_for
from asgml.core.data.clips.clips import ClipSet
from asgml.core.data.datasets.clip_loader import find
from asgml.core.data.media.inspect_media import (
    TOLERATED_KINDS,
    Progress,
    inspect_clips,
    summarise_facts,
)
from asgml.core.data.report.dataset_report import Report, SplitReport
from asgml.core.data.report.report_remarks import (
    constant_remarks,
    group_remarks,
    loader_warnings,
    shared_remarks,
    size_remarks,
    untrained_remarks,
)


def build_report(
    spec: str,
    options: Mapping[str, Any],
    seed: int,
    *,
    quick: bool = False,
    workers: int = -1,
    published: Mapping[str, int] | None = None,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Check all samples of `spec` with `workers` threads, and report.

    Raise DataError where the samples cannot even be listed.
    """
    clip_set = find_clips(spec, options, seed)
    if clip_set is not None:
        return report_clips(clip_set, options, quick=quick, workers=workers, progress=progress)
    if is_class(spec):
        return report_arrays(read_through(load_data(spec, options, seed)), published or {})
    # Before normalisation an empty sample shows as one number throughout.
    as_stored = {**options, "normalize": False}
    return report_arrays(load_data(spec, as_stored, seed), published or {})


def read_through(data: Dataset) -> Dataset:
    """Read every sample of splits that are read by batch. Raise DataError for an unusable one."""
    for rows in [split.rows for split in data.splits.values() if split.rows is not None]:
        for number in range(len(rows)):
            rows.read([number])
    return data


def find_clips(spec: str, options: Mapping[str, Any], seed: int) -> ClipSet | None:
    """Return the clips of a data set that is read from files, None for one read into memory."""
    name, path = split_name(spec)
    return find(spec, options, seed) if path and name and DATA_SETS[name].clips else None


def report_clips(
    clip_set: ClipSet, options: Mapping[str, Any], *, quick: bool, workers: int, progress: Progress
) -> Report:
    modalities = clip_set.choose_modalities(options.get("modalities"))
    inspections = inspect_clips(
        clip_set, modalities, quick=quick, workers=workers_for(workers), progress=progress
    )
    found = [fault for inspection in inspections for fault in inspection.faults]
    splits = {split: report_split(clip_set, split) for split in SPLITS}
    return Report(
        name=clip_set.name,
        source=str(clip_set.root),
        classes=clip_set.classes,
        splits=splits,
        inputs={m: summarise_facts(m, inspections) for m in modalities},
        faults=(*clip_set.faults, *(one for one in found if one.kind not in TOLERATED_KINDS)),
        tolerated=tuple(fault for fault in found if fault.kind in TOLERATED_KINDS),
        remarks=(
            *size_remarks(splits),
            *shared_remarks(clip_set),
            *untrained_remarks(clip_set),
            *loader_warnings(clip_set.info),
        ),
        quick=quick,
        info=dict(clip_set.info),
    )


def report_split(clip_set: ClipSet, name: str) -> SplitReport:
    clips = clip_set.splits.get(name, ())
    labels = np.array([clip.label for clip in clips], dtype=np.int64)
    listed = clip_set.info.get("listed")
    return SplitReport(
        samples=len(clips),
        listed=listed.get(name, 0) if isinstance(listed, dict) else None,
        published=clip_set.published.get(name),
        classes=tuple(np.bincount(labels, minlength=len(clip_set.classes)).tolist()),
    )


def report_arrays(data: Dataset, published: Mapping[str, int]) -> Report:
    """Return the report on data in memory, without faults: its loader has refused those."""
    splits = {}
    for name, split in data.splits.items():
        counts = np.bincount(split.labels.numpy(), minlength=len(data.classes)).tolist()
        splits[name] = SplitReport(len(split), None, published.get(name), tuple(counts))
    constant = {m: count_constant(data, m) for m in data.modalities}
    has_warnings = data.info.get("warnings") is not None
    sizes = loader_warnings(data.info) if has_warnings else size_remarks(splits)
    omitted = ("normalisation", "counts", "class_counts")
    return Report(
        name=data.name,
        source=str(data.info.get("source", "")),
        classes=data.classes,
        splits=splits,
        inputs={
            m: {"shape": list(data.shapes[m]), "constant": constant[m]} for m in data.modalities
        },
        remarks=(*sizes, *constant_remarks(constant), *group_remarks(data)),
        info={key: value for key, value in data.info.items() if key not in omitted},
    )


def count_constant(data: Dataset, modality: str) -> int:
    """Count the samples in which every number is the same: padding alone, or a lost signal."""
    count = 0
    for split in data.splits.values():
        flat = split.inputs[modality].flatten(1) if modality in split.inputs else torch.zeros(0, 1)
        if flat.shape[1] > 1:
            count += int((flat == flat[:, :1]).all(dim=1).sum())
    return count
