"""Splits clips so that nobody is in two parts: folds of persons, or of whatever else groups the clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from core.data.base import DataError

LEAST_GROUPS = 3  # one each for train, val and test


def split_groups(groups: Sequence[str], folds: int, fold: int, val: int, seed: int) -> list[str]:
    """The part of every clip, given the group of every clip: "test" for the groups of this fold, "train" and "val" for the rest.

    Folds have about the same number of clips: groups, in an order drawn from the seed, go one by one to the fold that has the
    fewest. Val has the first of the other groups, in that order, until it has `val` clips (a tenth of all for 0). Every group is
    in the test part of one fold exactly. Raises DataError where there are too few groups.
    """
    order = draw_order(groups, seed)
    if len(order) < max(folds, LEAST_GROUPS):
        raise DataError(f"{len(order)} persons do not make {folds} folds with train, val and test apart; set folds lower")
    sizes = Counter(groups)
    tested = fill_folds(order, sizes, folds)[fold]
    others = [group for group in order if group not in tested]
    validated = first_until(others, sizes, val or round(len(groups) / 10))
    part = {**dict.fromkeys(others, "train"), **dict.fromkeys(validated, "val"), **dict.fromkeys(tested, "test")}
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
    """The first groups that have `clips` clips together. One group at least is left over, for training."""
    chosen: list[str] = []
    while sum(sizes[group] for group in chosen) < clips or not chosen:
        if len(chosen) + 1 >= len(groups):
            raise DataError(f"option val is {clips}, but that leaves nobody for train; give fewer")
        chosen.append(groups[len(chosen)])
    return chosen
