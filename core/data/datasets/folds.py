"""Split clips into folds of persons, or of other groups: nobody is in two splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from asgml.core.data.base import DataError

LEAST_GROUPS = 3  # one each for train, val and test


def split_groups(groups: Sequence[str], folds: int, fold: int, val: int, seed: int) -> list[str]:
    """Return the split of every clip, given the group of every clip.

    The groups of this fold are for test, the rest for train and val. Folds have about the same
    number of clips: groups, in an order drawn from the seed, go one by one to the fold that has the
    fewest. Val has the first of the other groups, in that order, until it has `val` clips (a tenth
    of all for 0). Every group is for test in one fold exactly. Raise DataError where there are too
    few groups.
    """
    order = draw_order(groups, seed)
    if len(order) < max(folds, LEAST_GROUPS):
        raise DataError(
            f"{len(order)} persons do not make {folds} folds with train, val and test apart; "
            "set folds lower"
        )
    sizes = Counter(groups)
    tested = fill_folds(order, sizes, folds)[fold]
    others = [group for group in order if group not in tested]
    if len(others) < LEAST_GROUPS - 1:
        raise DataError(
            f"fold {fold} of {folds} leaves {len(others)} person for train and val, who need two; "
            "set folds higher"
        )
    validated = first_until(others, sizes, val or round(len(groups) / 10))
    if sum(sizes[group] for group in validated) < val:
        raise DataError(f"option val is {val}, but that leaves nobody for train; give fewer")
    # Val overwrites train: its groups are among the others.
    split = {
        **dict.fromkeys(others, "train"),
        **dict.fromkeys(validated, "val"),
        **dict.fromkeys(tested, "test"),
    }
    return [split[group] for group in groups]


def draw_order(groups: Sequence[str], seed: int) -> list[str]:
    """Return every group once, in an order that does not depend on that of the clips."""
    unique = sorted(set(groups))
    return [unique[i] for i in np.random.default_rng(seed).permutation(len(unique))]


def fill_folds(order: Sequence[str], sizes: Counter[str], folds: int) -> list[list[str]]:
    """Return the groups of each fold: each group goes to the fold with the fewest clips so far."""
    filled: list[list[str]] = [[] for _ in range(folds)]
    clips = [0] * folds
    for group in order:
        least = clips.index(min(clips))
        filled[least].append(group)
        clips[least] += sizes[group]
    return filled


def first_until(groups: Sequence[str], sizes: Counter[str], clips: int) -> list[str]:
    """Return the first groups that have `clips` clips together, one at least.

    One at least is left over for training.
    """
    chosen = list(groups[:1])
    for group in groups[1:-1]:
        if sum(sizes[one] for one in chosen) >= clips:
            break
        chosen.append(group)
    return chosen
