"""Reads a file of named arrays, any number of modalities, in the format of DATA.md."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asgml.core.data import array_validation
from asgml.core.data.array_file import ArrayFile, open_arrays, sha256
from asgml.core.data.base import SPLITS, DataError, Dataset, Split
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.normalise import measure, standardise
from asgml.core.data.options import check_flag, check_names, read_options

MEMORY_LIMIT = (
    8 * 2**30
)  # bytes of float32: more would need loading batch by batch, which the trainer does not do
VAL_PART = 0.1
Rows = dict[str, NDArray[np.intp]]


@dataclass(frozen=True)
class ArraysOptions:
    """`modalities`: the ones to use, in this order (default: all). `normalize`: by the training split's statistics."""

    modalities: list[str] | None = None
    normalize: bool = True

    def __post_init__(self) -> None:
        check_flag("normalize", self.normalize)


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """The data set in the file `spec`. `seed` decides which tenth of train becomes val where the file names no val."""
    chosen = read_options(ArraysOptions, options, spec)
    path = Path(spec).expanduser()
    if not path.exists():
        raise DataError(f"no data {spec!r}: neither a file nor one of {', '.join(DATA_SETS)}")
    try:
        return _build(path, chosen, seed)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _build(path: Path, chosen: ArraysOptions, seed: int) -> Dataset:
    file = open_arrays(path)
    labels = array_validation.check_labels(
        _required(file, "label", "the class number of every sample")
    )
    classes = array_validation.check_classes(
        file.read("classes") if "classes" in file.headers else None, labels
    )
    words = array_validation.check_text(
        "split", _required(file, "split", "'train', 'val' or 'test' for every sample")
    )
    split = array_validation.check_split(words, len(labels))
    array_validation.check_every_class_trains(labels, split == "train", classes)
    modalities = choose_modalities(file, chosen.modalities, len(labels))

    carved = "val" not in words
    if carved:
        split = carve_val(labels, split, seed)
    rows: Rows = {part: np.flatnonzero(split == part) for part in SPLITS}
    inputs: dict[str, dict[str, Tensor]] = {part: {} for part in SPLITS}
    statistics = {}
    for name in modalities:
        read, statistics[name] = _read_modality(file, name, rows, chosen.normalize)
        for part in SPLITS:
            inputs[part][name] = read[part]

    info = {
        "source": str(path.resolve()),
        "sha256": sha256(path),
        "counts": {part: len(rows[part]) for part in SPLITS},
        "class_counts": {
            part: np.bincount(labels[rows[part]], minlength=len(classes)).tolist()
            for part in SPLITS
        },
        "val": f"{VAL_PART:.0%} of train, stratified, seed {seed}" if carved else "from the file",
        "normalisation": {name: found for name, found in statistics.items() if found},
        **shared_groups(file, rows, len(labels)),
    }
    shapes = {name: tuple(file.headers[name].shape[1:]) for name in modalities}
    splits = {part: Split(inputs[part], torch.from_numpy(labels[rows[part]])) for part in SPLITS}
    return Dataset(path.stem, modalities, classes, shapes, splits, info)


def choose_modalities(file: ArrayFile, wanted: list[str] | None, samples: int) -> tuple[str, ...]:
    """The modalities to read, each checked. A key that is not reserved is one."""
    present = [name for name in file.headers if name not in array_validation.RESERVED_KEYS]
    if not present:
        raise DataError(
            f"no modality beside {', '.join(file.headers)}; add an array (N, …) under a name of your choice"
        )
    if wanted is not None:
        check_names("modalities", wanted, present)
    chosen = present if wanted is None else wanted
    for name in chosen:
        array_validation.check_modality(name, file.headers[name], samples)
    size = sum(4 * math.prod(file.headers[name].shape) for name in chosen)
    if size > MEMORY_LIMIT:
        raise DataError(
            f"{size / 2**30:.1f} GiB as float32, at most {MEMORY_LIMIT / 2**30:g} fit; choose fewer modalities or samples"
        )
    return tuple(chosen)


def carve_val(labels: NDArray[np.int64], split: NDArray[np.str_], seed: int) -> NDArray[np.str_]:
    """`split` with a tenth of the training samples of each class, at least one of two, moved to val."""
    rng = np.random.default_rng(seed)
    carved = split.copy()
    for number in np.unique(labels):
        members = np.flatnonzero((labels == number) & (split == "train"))
        take = max(round(VAL_PART * len(members)), 1) if len(members) > 1 else 0
        carved[rng.permutation(members)[:take]] = "val"
    if "val" not in carved:
        raise DataError(
            "too few training samples to take val from; mark some samples as 'val' in 'split'"
        )
    return carved


def shared_groups(file: ArrayFile, rows: Rows, samples: int) -> dict[str, int]:
    """How many groups (persons, clips) train shares with test and with val: a result on them is not about strangers."""
    if "group" not in file.headers:
        return {}
    groups = file.read("group")
    if groups.shape != (samples,):
        raise DataError(
            f"'group' has shape {groups.shape} for {samples} labels; expected one entry a sample"
        )
    of = {part: set(groups[rows[part]].tolist()) for part in SPLITS}
    return {
        "groups_shared": len(of["train"] & of["test"]),
        "groups_shared_val": len(of["train"] & of["val"]),
    }


def _required(file: ArrayFile, key: str, meaning: str) -> NDArray[Any]:
    if key not in file.headers:
        raise DataError(
            f"no array {key!r} among {', '.join(file.headers) or 'none'}; add it: {meaning}"
        )
    return file.read(key)


def _read_modality(
    file: ArrayFile, name: str, rows: Rows, normalize: bool
) -> tuple[dict[str, Tensor], dict[str, Any] | None]:
    """One modality as float32, split by split; a byte becomes 0 … 1. Also its statistics, when it is normalised."""
    values = file.read(name)
    array_validation.check_finite(name, values)
    unit = 255.0 if values.dtype == np.uint8 else 1.0
    statistics = measure(values, rows["train"], unit) if normalize else None
    read = {
        part: torch.from_numpy(standardise(values[rows[part]], statistics, unit)) for part in SPLITS
    }
    return read, statistics.as_json() if statistics else None
