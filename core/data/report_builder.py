"""Builds the report on a data set: counts, measures and every file that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from asgml.core.data.base import SPLITS, Dataset, load_data, split_name
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.clip_options import workers_for
from asgml.core.data.clips import ClipSet, choose_modalities
from asgml.core.data.dataset_report import Report, SplitReport
from asgml.core.data.datasets.clip_loader import find
from asgml.core.data.inspect_media import TOLERATED_KINDS, inspect_clips, summarise_facts
from asgml.core.data.report_remarks import (
    count_constant,
    loader_warnings,
    shared_remarks,
    size_remarks,
    untrained_remarks,
)

Progress = Callable[[int, int], None]


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
    """Looks at everything in `spec`, in as many threads as asked for. Raises DataError where it cannot even be listed."""
    found = find_clips(spec, options, seed)
    if found is None:
        as_stored = {
            **options,
            "normalize": False,
        }  # a sample that holds nothing shows as one number throughout
        return report_arrays(load_data(spec, as_stored, seed), published or {})
    return report_clips(found, options, quick=quick, workers=workers, progress=progress)


def find_clips(spec: str, options: Mapping[str, Any], seed: int) -> ClipSet | None:
    """The clips of a data set that is read from files; None for one that is read into memory as a whole."""
    name, path = split_name(spec)
    return find(spec, options, seed) if path and name and DATA_SETS[name].clips else None


def report_clips(
    found: ClipSet, options: Mapping[str, Any], *, quick: bool, workers: int, progress: Progress
) -> Report:
    modalities = choose_modalities(found, options.get("modalities"))
    clips = [clip for part in SPLITS for clip in found.splits.get(part, ())]
    looked = inspect_clips(
        clips, modalities, quick=quick, workers=max(workers_for(workers), 1), progress=progress
    )
    seen = [fault for one in looked for fault in one.faults]
    faults = (*found.faults, *(fault for fault in seen if fault.kind not in TOLERATED_KINDS))
    odd = tuple(fault for fault in seen if fault.kind in TOLERATED_KINDS)
    parts = {part: split_report(found, part) for part in SPLITS}
    inputs = {m: summarise_facts(m, looked) for m in modalities}
    remarks = (
        *size_remarks(parts),
        *shared_remarks(found),
        *untrained_remarks(found),
        *loader_warnings(found),
    )
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


def report_arrays(data: Dataset, published: Mapping[str, int]) -> Report:
    """Data in memory: its loader has refused what cannot be used."""
    parts = {}
    for name, split in data.splits.items():
        counts = np.bincount(split.labels.numpy(), minlength=len(data.classes)).tolist()
        parts[name] = SplitReport(len(split), None, published.get(name), tuple(counts))
    inputs = {
        m: {"shape": list(data.shapes[m]), "constant": count_constant(data, m)}
        for m in data.modalities
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
    remarks = [
        *(size_remarks(parts) if told_by_loader is None else told_by_loader),
        *constant,
        *groups,
    ]
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


def split_report(found: ClipSet, name: str) -> SplitReport:
    clips = found.splits.get(name, ())
    counts = np.bincount(
        np.array([clip.label for clip in clips], dtype=np.int64), minlength=len(found.classes)
    )
    listed = found.info.get("listed")
    return SplitReport(
        len(clips),
        listed.get(name, 0) if isinstance(listed, dict) else None,
        found.published.get(name),
        tuple(counts.tolist()),
    )
