"""Read AV-MNIST: written digits, each with the spectrogram of the same digit spoken.

Vielzeuf et al., CentralNet, ECCVW 2018; the files, their order and the split are those of
MultiBench (Liang et al., NeurIPS 2021), the same for test:

    image/train_data.npy (60000, 784)
    audio/train_data.npy (60000, 112, 112)
    train_labels.npy (60000,)

The last 5000 of train are val.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from asgml.core.data.arrays import array_dataset, array_validation
from asgml.core.data.arrays.memory_limit import check_memory
from asgml.core.data.arrays.normalise import Statistics, fit_statistics, standardise
from asgml.core.data.base import SPLITS, DataError, Dataset, Split
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.options import check_flag, check_names, check_whole, read_options
from asgml.storage.format.user_path import expand_user

ROW = DATA_SETS["avmnist"]
DIGITS = tuple(str(digit) for digit in range(ROW.classes))
# Shapes of a sample in the files, and the one that the network sees.
SHAPES = {"image": ((784,), (28, 28), (1, 28, 28)), "audio": ((112, 112), (1, 112, 112))}
SEEN = {"image": (1, 28, 28), "audio": (112, 112)}
BYTES = 255.0

Array = NDArray[Any]


@dataclass(frozen=True)
class AvmnistOptions:
    """Options of AV-MNIST; the catalogue explains them."""

    modalities: list[str] | None = None
    normalize: bool = True
    val: int = ROW.published["val"]

    def __post_init__(self) -> None:
        check_flag("normalize", self.normalize)
        check_whole("val", self.val, 1, 10**6)
        if self.modalities is not None:
            check_names("modalities", self.modalities, list(ROW.modalities))


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """Return the data set of `avmnist:FOLDER`, or of `avmnist:FILE.npz` in the arrays format.

    The latter has the options of that format. Raise DataError.
    """
    name, _, given = spec.partition(":")
    root = expand_user(given, DataError)
    if not given or not root.exists():
        fault = f"there is no {root}" if given else "no folder given"
        raise DataError(f"{name}: {fault}; give {name}:FOLDER with image/, audio/ and labels")
    if not root.is_dir():
        return array_dataset.load(str(root), options, seed)
    chosen = read_options(AvmnistOptions, options, name)
    labels = {split: _labels(root / f"{split}_labels.npy") for split in ("train", "test")}
    count = len(labels["train"])
    if count <= chosen.val:
        raise DataError(
            f"{root}: train has {count} samples, and the last {chosen.val} of them become val; "
            "set data.options.val to fewer"
        )
    return _build(root, chosen, labels)


def _build(root: Path, chosen: AvmnistOptions, labels: Mapping[str, NDArray[np.int64]]) -> Dataset:
    modalities = tuple(chosen.modalities or ROW.modalities)
    stored = {
        m: {split: _data(root / m / f"{split}_data.npy", m, len(labels[split])) for split in labels}
        for m in modalities
    }
    _refuse_too_large(root, stored)
    begin = len(labels["train"]) - chosen.val
    split_labels = {
        "train": labels["train"][:begin],
        "val": labels["train"][begin:],
        "test": labels["test"],
    }
    every = np.ones(begin, dtype=np.bool_)
    array_validation.check_every_class_trains(split_labels["train"], every, DIGITS)
    splits = {
        split: Split({}, torch.from_numpy(numbers.copy()))
        for split, numbers in split_labels.items()
    }
    statistics = {}
    for m in modalities:
        statistics[m] = _fill(splits, m, stored[m], begin, chosen.normalize)
    info = {
        "source": str(root.resolve()),
        "counts": {split: len(splits[split]) for split in SPLITS},
        "class_counts": {
            split: np.bincount(numbers, minlength=len(DIGITS)).tolist()
            for split, numbers in split_labels.items()
        },
        "val": f"the last {chosen.val} of train, as in MultiBench",
        "normalisation": {m: found.as_json() for m, found in statistics.items() if found},
    }
    return Dataset("avmnist", modalities, DIGITS, {m: SEEN[m] for m in modalities}, splits, info)


def _fill(
    splits: Mapping[str, Split], m: str, stored: Mapping[str, Array], begin: int, normalize: bool
) -> Statistics | None:
    """Put a modality into every split as float32; bytes become 0 … 1."""
    train, test = stored["train"], stored["test"]
    if train.dtype != test.dtype:
        raise DataError(
            f"avmnist: {m} of train is {train.dtype}, of test {test.dtype}; "
            "expected one type, since bytes are scaled"
        )
    unit = BYTES if train.dtype == np.uint8 else 1.0
    statistics = fit_statistics(train, np.arange(begin), unit) if normalize else None
    for split, values in (("train", train[:begin]), ("val", train[begin:]), ("test", test)):
        splits[split].inputs[m] = torch.from_numpy(standardise(values, statistics, unit))
    return statistics


def _labels(path: Path) -> NDArray[np.int64]:
    found = _open(path)
    if found.dtype.kind not in "iuf" or found.size != len(found) or not len(found):
        raise DataError(f"{path} is {found.dtype} {found.shape}; expected one digit a sample, (N,)")
    flat = np.asarray(found).reshape(-1)
    if not np.isin(flat, np.arange(len(DIGITS))).all():
        raise DataError(
            f"{path} runs from {flat.min()} to {flat.max()}; expected whole numbers from 0 to 9"
        )
    return flat.astype(np.int64)


def _data(path: Path, m: str, samples: int) -> Array:
    """Return the array on disk in the shape that the network sees, checked to be finite."""
    found = _open(path)
    fits = found.dtype.name in array_validation.DTYPES and found.shape[1:] in SHAPES[m]
    if not fits or len(found) != samples:
        shapes = " or ".join(str((samples, *shape)) for shape in SHAPES[m])
        raise DataError(
            f"{path} is {found.dtype} {found.shape} for {samples} labels; "
            f"expected {', '.join(array_validation.DTYPES)} of {shapes}"
        )
    shaped = found.reshape(samples, *SEEN[m])
    try:
        array_validation.check_finite(m, shaped)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return shaped


def _open(path: Path) -> Array:
    """Return a numpy file, mapped into memory. Its pickles are never opened."""
    if not path.is_file():
        raise DataError(
            f"there is no {path}; "
            "expected image/, audio/, train_labels.npy and test_labels.npy as MultiBench gives them"
        )
    try:
        # Mapped: the sound of train alone has 6 GB as float64.
        found: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    # A damaged header fails in numpy's parser, a short file in the mapping.
    except Exception as error:
        reason = " ".join(str(error).split())[:150]
        raise DataError(f"{path} cannot be read ({reason}); fetch the file again") from error
    if not isinstance(found, np.ndarray) or not found.ndim:
        raise DataError(
            f"{path} holds no array of samples; expected a file that numpy.save has written"
        )
    return found


def _refuse_too_large(root: Path, stored: Mapping[str, Mapping[str, Array]]) -> None:
    size = sum(
        4 * math.prod(array.shape)
        for arrays_of_m in stored.values()
        for array in arrays_of_m.values()
    )
    check_memory(size, "choose fewer modalities", f"{root}: ")
