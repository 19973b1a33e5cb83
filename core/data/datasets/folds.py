"""Splits clips so that nobody is in two parts: folds of persons, or of whatever else groups the clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from asgml.core.data.base import DataError

LEAST_GROUPS = 3  # one each for train, val and test


def split_groups(groups: Sequence[str], folds: int, fold: int, val: int, seed: int) -> list[str]:
    """The part of every clip, given the group of every clip: "test" for the groups of this fold, "train" and "val" for the rest.

    Folds have about the same number of clips: groups, in an order drawn from the seed, go one by one to the fold that has the
    fewest. Val has the first of the other groups, in that order, until it has `val` clips (a tenth of all for 0). Every group is
    in the test part of one fold exactly. Raises DataError where there are too few groups.
    """
    order = draw_order(groups, seed)
    if len(order) < max(folds, LEAST_GROUPS):
        raise DataError(
            f"{len(order)} persons do not make {folds} folds with train, val and test apart; set folds lower"
        )
    sizes = Counter(groups)
    tested = fill_folds(order, sizes, folds)[fold]
    others = [group for group in order if group not in tested]
    if len(others) < LEAST_GROUPS - 1:
        raise DataError(
            f"fold {fold} of {folds} leaves {len(others)} person for train and val, who need two; set folds higher"
        )
    validated = first_until(others, sizes, val or round(len(groups) / 10))
    if sum(sizes[group] for group in validated) < val:
        raise DataError(f"option val is {val}, but that leaves nobody for train; give fewer")
    part = {
        **dict.fromkeys(others, "train"),
        **dict.fromkeys(validated, "val"),
        **dict.fromkeys(tested, "test"),
    }
    return [part[group] for group in groups]


def draw_order(groups: Sequence[str], seed: int) -> list[str]:
    """Every group once. The order does not depend on that of the clips."""
    known = sorted(set(groups))
    return [known[i] for i in np.random.default_rng(seed).permutation(len(known))]


def fill_folds(order: Sequence[str], sizes: Counter[str], folds: int) -> list[list[str]]:
    filled: list[list[str]] = [[] for _ in range(folds)]
    clips = [0] * folds
    for group in order:
        least = clips.index(min(clips))
        filled[least].append(group)
        clips[least] += sizes[group]
    return filled


def first_until(groups: Sequence[str], sizes: Counter[str], clips: int) -> list[str]:
    """The first groups that have `clips` clips together; one at least is chosen, and one at least is left over for training."""
    chosen = list(groups[:1])
    for group in groups[1:-1]:
        if sum(sizes[known] for known in chosen) >= clips:
            break
        chosen.append(group)
    return chosen
