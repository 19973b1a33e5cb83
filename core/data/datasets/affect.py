"""Reads CMU-MOSI and CMU-MOSEI: opinions in words, voice and face, as sequences of features.

Zadeh et al., MOSI, IEEE Intelligent Systems 2016; Zadeh et al., CMU-MOSEI, ACL 2018. The files are those of MulT and MMSA.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from asgml.core.data import array_validation, arrays
from asgml.core.data.array_file import sha256
from asgml.core.data.base import SPLITS, DataError, Dataset, Split
from asgml.core.data.datasets.affect_files import MODALITIES, Part, find_file, read_parts
from asgml.core.data.datasets.affect_sizes import compare_sizes
from asgml.core.data.datasets.sentiment import TASKS, Task
from asgml.core.data.normalise import measure, standardise
from asgml.core.data.options import check_flag, check_names, read_options


@dataclass(frozen=True)
class AffectOptions:
    """`modalities`: the ones to use, in this order. `normalize`: by the training split's statistics.

    `task`: acc2 (negative or not), acc2_nonzero (negative or positive, the neutral left out), acc3, acc7 or regression.
    """

    modalities: list[str] | None = None
    normalize: bool = True
    task: str = "acc2"

    def __post_init__(self) -> None:
        check_flag("normalize", self.normalize)
        if self.task not in TASKS:
            raise DataError(f"option task is {self.task!r}; expected one of {', '.join(TASKS)}")
        if self.modalities is not None:
            check_names("modalities", self.modalities, list(MODALITIES))


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """`mosi:PATH` or `mosei:PATH`: a pickle, a folder with one, or an .npz in the arrays format, which has its own options."""
    name, _, word = spec.partition(":")
    if not word:
        raise DataError(
            f"{name} is read from a file: give it as {name}:PATH, a pickle of MulT or MMSA, or a folder with one"
        )
    path = find_file(name, Path(word).expanduser())
    if path.suffix == ".npz":
        return arrays.load(str(path), options, seed)
    chosen = read_options(AffectOptions, options, name)
    try:
        return _build(name, path, chosen)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _build(name: str, path: Path, chosen: AffectOptions) -> Dataset:
    modalities = tuple(chosen.modalities or MODALITIES)
    task = TASKS[chosen.task]
    read = read_parts(path, modalities)
    kept = {split: task.kept(part.scores) for split, part in read.items()}
    parts = {split: _some(part, kept[split]) for split, part in read.items()}
    labels = {split: task.label(part.scores) for split, part in parts.items()}
    _check_classes(labels, task)
    statistics = _normalise(parts, modalities) if chosen.normalize else {}
    info = {
        "source": str(path.resolve()),
        "sha256": sha256(path),
        "task": chosen.task,
        "counts": {split: len(part.scores) for split, part in parts.items()},
        "class_counts": {
            split: np.bincount(numbers, minlength=len(task.classes)).tolist()
            for split, numbers in labels.items()
        },
        "dropped": {split: int((~mask).sum()) for split, mask in kept.items()},
        "not_finite": {
            m: {split: part.repaired[m] for split, part in read.items()} for m in modalities
        },
        "warnings": [*compare_sizes(name, read), *_repaired(read, modalities)],
        "normalisation": statistics,
    }
    shapes = {m: parts["train"].inputs[m].shape[1:] for m in modalities}
    splits = {split: _split(part, labels[split], task) for split, part in parts.items()}
    return Dataset(name, modalities, task.classes, shapes, splits, info)


def _some(part: Part, kept: NDArray[np.bool_]) -> Part:
    if kept.all():
        return part
    return Part(
        {m: values[kept] for m, values in part.inputs.items()}, part.scores[kept], part.repaired
    )


def _check_classes(labels: Mapping[str, NDArray[np.int64]], task: Task) -> None:
    for split in SPLITS:
        if not len(labels[split]):
            raise DataError(
                f"no sample is left in {split}; expected some in each of {', '.join(SPLITS)}"
            )
    array_validation.check_every_class_trains(
        labels["train"], np.ones(len(labels["train"]), dtype=np.bool_), task.classes
    )


def _normalise(parts: Mapping[str, Part], modalities: tuple[str, ...]) -> dict[str, Any]:
    """Standardises in place, one modality after the other; the statistics of train."""
    found = {}
    for m in modalities:
        train = parts["train"].inputs[m]
        statistics = measure(train, np.arange(len(train)))
        for part in parts.values():
            part.inputs[m] = standardise(part.inputs[m], statistics)
        found[m] = statistics.as_json()
    return found


def _repaired(parts: Mapping[str, Part], modalities: tuple[str, ...]) -> list[str]:
    counts = {m: sum(part.repaired[m] for part in parts.values()) for m in modalities}
    return [
        f"{count} numbers of {m} were infinite or not a number, and are 0 now"
        for m, count in counts.items()
        if count
    ]


def _split(part: Part, labels: NDArray[np.int64], task: Task) -> Split:
    inputs = {m: torch.from_numpy(values) for m, values in part.inputs.items()}
    return Split(
        inputs,
        torch.from_numpy(labels),
        targets=torch.from_numpy(part.scores) if task.regression else None,
    )
