"""The split of a file of arrays: its own, with val carved from train, or folds of its groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.arrays.array_validation import check_every_class_trains
from asgml.core.data.arrays.group_folds import assignment, fold_splits
from asgml.core.data.base import SPLITS, DataError

VAL_SHARE = 0.1
Labels = NDArray[np.int64]
Rows = dict[str, NDArray[np.intp]]  # split -> its rows in the file


def chosen_split(
    labels: Labels,
    classes: Sequence[str],
    split: NDArray[np.str_],
    groups: NDArray[Any] | None,
    folds: int,
    fold: int,
    seed: int,
) -> tuple[NDArray[np.str_], dict[str, Any]]:
    """Return the split to use, and the facts that say where it and its val come from.

    `folds` 0 is the file's own split; where that has no val, a part of train becomes val.
    """
    if folds:
        folded = fold_splits(groups, labels, fold, folds, seed)
        check_every_class_trains(labels, folded == "train", classes)
        made = f"fold {fold} of {folds}, seed {seed}"
        facts = {"groups": f"in one split each, {made}", "assignment": assignment(folded)}
        return folded, {"val": f"groups beside the test fold, stratified, {made}", **facts}
    if "val" in split:
        return split, {"val": "from the file"}
    carved = carve_val(labels, split, seed)
    return carved, {"val": f"{VAL_SHARE:.0%} of train, stratified, seed {seed}"}


def carve_val(labels: Labels, split: NDArray[np.str_], seed: int) -> NDArray[np.str_]:
    """Return `split` with a tenth of each class's training samples moved to val.

    A class with two samples or more gives at least one.
    """
    rng = np.random.default_rng(seed)
    carved = split.copy()
    for number in np.unique(labels):
        members = np.flatnonzero((labels == number) & (split == "train"))
        take = max(round(VAL_SHARE * len(members)), 1) if len(members) > 1 else 0
        carved[rng.permutation(members)[:take]] = "val"
    if "val" not in carved:
        advice = "mark some samples as 'val' in 'split'"
        raise DataError(f"too few training samples to take val from; {advice}")
    return carved


def shared_groups(groups: NDArray[Any] | None, rows: Rows) -> dict[str, int]:
    """Count the groups (persons, clips) that train shares with test and with val.

    A result on shared groups does not say how the network does on strangers.
    """
    if groups is None:
        return {}
    members = {split: set(groups[rows[split]].tolist()) for split in SPLITS}
    return {
        "groups_shared": len(members["train"] & members["test"]),
        "groups_shared_val": len(members["train"] & members["val"]),
    }
