"""Data sets from a file of named arrays, any number of modalities, in the format of DATA.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asgml.core.data.arrays.array_file import ArrayFile, open_arrays, sha256
from asgml.core.data.arrays.array_split import Rows, chosen_split, shared_groups
from asgml.core.data.arrays.array_validation import (
    RESERVED_KEYS,
    check_classes,
    check_every_class_trains,
    check_finite,
    check_labels,
    check_modality,
    check_split,
    check_text,
)
from asgml.core.data.arrays.group_folds import read_groups
from asgml.core.data.arrays.memory_limit import check_memory
from asgml.core.data.arrays.normalise import fit_statistics, standardise
from asgml.core.data.base import SPLITS, DataError, Dataset, Split
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.options import check_flag, check_names, check_whole, read_options
from asgml.storage.format.user_path import expand_user

MOST_FOLDS = 100
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ArraysOptions:
    """Options of a file of arrays.

    `modalities`: the ones to use, in this order (default: all). `normalize`: by the training
    split's statistics. `folds`: deal the groups to so many folds, of which `fold`, from 0, is for
    test, whatever the file's split says; 0 keeps the file's.
    """

    modalities: list[str] | None = None
    normalize: bool = True
    folds: int = 0
    fold: int = 0

    def __post_init__(self) -> None:
        check_flag("normalize", self.normalize)
        check_whole("folds", self.folds, 0, MOST_FOLDS)
        if self.folds == 1:
            raise DataError("option folds is 1; expected 2 or more, or 0 for the file's split")
        check_whole("fold", self.fold, 0, max(self.folds - 1, 0))


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """Return the data set in the file `spec`. Raise DataError that names the file.

    `seed` decides which tenth of train becomes val where the file names no val.
    """
    chosen = read_options(ArraysOptions, options, spec)
    path = expand_user(spec, DataError)
    if not path.exists():
        raise DataError(f"no data {spec!r}: neither a file nor one of {', '.join(DATA_SETS)}")
    try:
        return _build(path, chosen, seed)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _build(path: Path, options: ArraysOptions, seed: int) -> Dataset:
    file = open_arrays(path)
    labels, classes, split = _read_labels(file, folded=options.folds > 0)
    modalities = choose_modalities(file, options.modalities, len(labels))

    groups = read_groups(file, len(labels))
    split, origin = chosen_split(labels, classes, split, groups, options.folds, options.fold, seed)
    rows: Rows = {name: np.flatnonzero(split == name) for name in SPLITS}
    inputs: dict[str, dict[str, Tensor]] = {name: {} for name in SPLITS}
    statistics: dict[str, dict[str, Any]] = {}
    for m in modalities:
        tensors, fitted = _read_modality(file, m, rows, options.normalize)
        statistics |= {m: fitted} if fitted else {}
        for name in SPLITS:
            inputs[name][m] = tensors[name]

    counts = {n: np.bincount(labels[rows[n]], minlength=len(classes)).tolist() for n in SPLITS}
    info = {
        "source": str(path.resolve()),
        "sha256": sha256(path),
        "counts": {name: len(rows[name]) for name in SPLITS},
        "class_counts": counts,
        **origin,
        "normalisation": statistics,
        **shared_groups(groups, rows),
    }
    shapes = {m: tuple(file.headers[m].shape[1:]) for m in modalities}
    splits = {name: Split(inputs[name], torch.from_numpy(labels[rows[name]])) for name in SPLITS}
    return Dataset(path.stem, modalities, classes, shapes, splits, info)


def _read_labels(
    file: ArrayFile, *, folded: bool
) -> tuple[Labels, tuple[str, ...], NDArray[np.str_]]:
    """Return the label of every sample, the class names, and the split of every sample."""
    labels = check_labels(_required(file, "label", "the class number of every sample"))
    names = file.read("classes") if "classes" in file.headers else None
    classes = check_classes(names, labels)
    meaning = "'train', 'val' or 'test' for every sample"
    split = check_split(check_text("split", _required(file, "split", meaning)), len(labels))
    if not folded:
        check_every_class_trains(labels, split == "train", classes)
    return labels, classes, split


def choose_modalities(
    file: ArrayFile, wanted: Sequence[str] | None, samples: int
) -> tuple[str, ...]:
    """Return the modalities to read, each checked. Every key that is not reserved is one."""
    present = [name for name in file.headers if name not in RESERVED_KEYS]
    if not present:
        advice = "add an array (N, …) under a name of your choice"
        raise DataError(f"no modality beside {', '.join(file.headers)}; {advice}")
    if wanted is not None:
        check_names("modalities", wanted, present)
    chosen = present if wanted is None else wanted
    for name in chosen:
        check_modality(name, file.headers[name], samples)
    size = sum(4 * math.prod(file.headers[name].shape) for name in chosen)
    check_memory(size, "choose fewer modalities or samples")
    return tuple(chosen)


def _required(file: ArrayFile, key: str, meaning: str) -> NDArray[Any]:
    if key not in file.headers:
        present = ", ".join(file.headers) or "none"
        raise DataError(f"no array {key!r} among {present}; add it: {meaning}")
    return file.read(key)


def _read_modality(
    file: ArrayFile, name: str, rows: Rows, normalize: bool
) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """Return a modality's float32 tensors by split, and its statistics where it is normalised.

    A byte becomes 0 … 1.
    """
    values = file.read(name)
    check_finite(name, values)
    unit = 255.0 if values.dtype == np.uint8 else 1.0
    statistics = fit_statistics(values, rows["train"], unit) if normalize else None
    tensors = {
        split: torch.from_numpy(standardise(values[rows[split]], statistics, unit))
        for split in SPLITS
    }
    return tensors, statistics.as_json() if statistics else None
