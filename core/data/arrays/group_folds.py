"""Folds of a file of arrays that keep groups whole: a person, or a clip, is in one split alone."""

from __future__ import annotations

import hashlib
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.arrays.array_file import ArrayFile
from asgml.core.data.base import DataError

VAL_PARTS = 10
"""Val is about one of so many parts of what is not for test; of fewer where groups are few."""
LEAST_OTHERS = 2  # groups beside those for test: one for train and one for val
DIGITS = 12

Labels = NDArray[np.int64]


def read_groups(file: ArrayFile, samples: int) -> NDArray[Any] | None:
    """Return the group of every sample, None where the file has none. Raise DataError."""
    if "group" not in file.headers:
        return None
    groups = file.read("group")
    if groups.shape != (samples,):
        shapes = f"'group' has shape {groups.shape} for {samples} labels"
        raise DataError(f"{shapes}; expected one entry a sample")
    return groups


def fold_splits(
    groups: NDArray[Any] | None, labels: Labels, fold: int, folds: int, seed: int
) -> NDArray[np.str_]:
    """Return the split of every sample in one of several folds.

    The groups are dealt to the folds so that each has about the same classes
    (scikit-learn's StratifiedGroupKFold, shuffled by the seed). This fold is for test; the others
    are dealt once more, and the first part of them is val. Over all folds each sample is tested
    once. Raise DataError where there are no groups, or too few.
    """
    if groups is None:
        raise DataError(
            f"option folds is {folds}, but there is no array 'group' to keep apart; add it: the "
            "person or clip of every sample"
        )
    _, numbers = np.unique(groups, return_inverse=True)
    test = deal(numbers, labels, folds, seed) == fold
    others = ~test
    left = len(np.unique(numbers[others]))
    if left < LEAST_OTHERS:
        raise DataError(
            f"fold {fold} of {folds} leaves {left} group for train and val, which need two; "
            "set folds higher"
        )
    split = np.where(test, "test", "train")
    parts = deal(numbers[others], labels[others], min(VAL_PARTS, left), seed)
    split[np.flatnonzero(others)[parts == 0]] = "val"
    if absent := [name for name in ("train", "val", "test") if name not in split]:
        raise DataError(f"fold {fold} of {folds} has no {absent[0]}; set folds lower")
    return split


def deal(groups: NDArray[np.intp], labels: Labels, parts: int, seed: int) -> NDArray[np.intp]:
    """Return the part of every sample; a group is in one part. Raise DataError for too few."""
    # a second to import, which only a training on folds pays
    from sklearn.model_selection import StratifiedGroupKFold

    count = len(np.unique(groups))
    if count < parts:
        raise DataError(f"{count} groups do not make {parts} folds; set folds lower")
    dealer = StratifiedGroupKFold(n_splits=parts, shuffle=True, random_state=seed)
    part = np.zeros(len(labels), np.intp)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a class of fewer samples than parts cannot be in all
            for number, (_, members) in enumerate(dealer.split(labels, labels, groups)):
                part[members] = number
    except ValueError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise DataError(
            f"{count} groups do not make {parts} folds ({reason}); set folds lower"
        ) from None
    return part


def assignment(split: NDArray[np.str_]) -> str:
    """Return 12 hex digits of which sample is in which split, whatever dealt them."""
    return hashlib.sha256("\n".join(split.tolist()).encode()).hexdigest()[:DIGITS]
