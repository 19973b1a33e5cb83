"""Read CMU-MOSI and CMU-MOSEI: opinions in words, voice and face, as sequences of features.

Zadeh et al., MOSI, IEEE Intelligent Systems 2016; Zadeh et al., CMU-MOSEI, ACL 2018. The files are
those of MulT and MMSA.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from asgml.core.data.arrays import array_dataset, array_validation
from asgml.core.data.arrays.array_file import sha256
from asgml.core.data.arrays.normalise import fit_statistics, standardise
from asgml.core.data.base import SPLITS, DataError, Dataset, Split
from asgml.core.data.datasets.affect_files import (
    MODALITIES,
    FeatureSplit,
    find_file,
    read_splits,
)
from asgml.core.data.datasets.affect_sizes import compare_sizes
from asgml.core.data.datasets.sentiment import TASKS, SentimentTask
from asgml.core.data.options import check_flag, check_names, read_options
from asgml.storage.format.user_path import expand_user


@dataclass(frozen=True)
class AffectOptions:
    """Options of MOSI and MOSEI; the catalogue explains them."""

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
    """Return the data set of `mosi:PATH` or `mosei:PATH`. Raise DataError.

    The path is a pickle, a folder with one, or an .npz in the arrays format, which has options of
    its own.
    """
    name, _, given = spec.partition(":")
    if not given:
        raise DataError(
            f"{name} is read from a file: give it as {name}:PATH, "
            "a pickle of MulT or MMSA, or a folder with one"
        )
    path = find_file(name, expand_user(given, DataError))
    if path.suffix == ".npz":
        return array_dataset.load(str(path), options, seed)
    chosen = read_options(AffectOptions, options, name)
    try:
        return _build(name, path, chosen)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _build(name: str, path: Path, chosen: AffectOptions) -> Dataset:
    modalities = tuple(chosen.modalities or MODALITIES)
    task = TASKS[chosen.task]
    read = read_splits(path, modalities)
    kept = {split: task.kept(data.scores) for split, data in read.items()}
    features = {split: _masked(data, kept[split]) for split, data in read.items()}
    labels = {split: task.label(data.scores) for split, data in features.items()}
    _check_classes(labels, task)
    statistics = _normalise(features, modalities) if chosen.normalize else {}
    info = {
        "source": str(path.resolve()),
        "sha256": sha256(path),
        "task": chosen.task,
        "counts": {split: len(data.scores) for split, data in features.items()},
        "class_counts": {
            split: np.bincount(numbers, minlength=len(task.classes)).tolist()
            for split, numbers in labels.items()
        },
        "dropped": {split: int((~mask).sum()) for split, mask in kept.items()},
        "not_finite": {
            m: {split: data.repaired[m] for split, data in read.items()} for m in modalities
        },
        "warnings": [*compare_sizes(name, read), *_warn_of_repairs(read, modalities)],
        "normalisation": statistics,
    }
    shapes = {m: features["train"].inputs[m].shape[1:] for m in modalities}
    splits = {split: _as_tensors(data, labels[split], task) for split, data in features.items()}
    return Dataset(name, modalities, task.classes, shapes, splits, info)


def _masked(features: FeatureSplit, kept: NDArray[np.bool_]) -> FeatureSplit:
    if kept.all():
        return features
    inputs = {m: values[kept] for m, values in features.inputs.items()}
    return FeatureSplit(inputs, features.scores[kept], features.repaired)


def _check_classes(labels: Mapping[str, NDArray[np.int64]], task: SentimentTask) -> None:
    for split in SPLITS:
        if not len(labels[split]):
            raise DataError(
                f"no sample is left in {split}; expected some in each of {', '.join(SPLITS)}"
            )
    every = np.ones(len(labels["train"]), dtype=np.bool_)
    array_validation.check_every_class_trains(labels["train"], every, task.classes)


def _normalise(features: Mapping[str, FeatureSplit], modalities: tuple[str, ...]) -> dict[str, Any]:
    """Standardise in place, one modality after the other; return the statistics of train."""
    found = {}
    for m in modalities:
        train = features["train"].inputs[m]
        statistics = fit_statistics(train, np.arange(len(train)))
        for data in features.values():
            data.inputs[m] = standardise(data.inputs[m], statistics)
        found[m] = statistics.as_json()
    return found


def _warn_of_repairs(
    features: Mapping[str, FeatureSplit], modalities: tuple[str, ...]
) -> list[str]:
    counts = {m: sum(data.repaired[m] for data in features.values()) for m in modalities}
    return [
        f"{count} numbers of {m} were infinite or not a number, and are 0 now"
        for m, count in counts.items()
        if count
    ]


def _as_tensors(features: FeatureSplit, labels: NDArray[np.int64], task: SentimentTask) -> Split:
    inputs = {m: torch.from_numpy(values) for m, values in features.inputs.items()}
    targets = torch.from_numpy(features.scores) if task.regression else None
    return Split(inputs, torch.from_numpy(labels), targets=targets)
