"""Validation clips taken from train, in proportion to the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from asgml.core.data.base import DataError
from asgml.core.data.clip_options import ClipOptions
from asgml.core.data.clips import Clip, ClipSet


def carve_val(
    train: Sequence[Clip], count: int, seed: int
) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Train and val: `count` clips (a tenth for 0) go to val, in proportion to the classes, by largest remainder."""
    rng = np.random.default_rng(seed)
    labels = np.array([clip.label for clip in train], dtype=np.int64)
    wanted = count or round(len(train) / 10)
    if not 0 < wanted < len(train):
        told = (
            f"option val is {count}, but train has {len(train)} clips"
            if count
            else f"train has {len(train)} clips, too few to take a tenth"
        )
        raise DataError(f"{told}; give val as a number below that, or more clips")
    sizes = np.bincount(labels)
    shares = wanted * sizes / len(train)
    take = np.floor(shares).astype(int)
    take[np.argsort(take - shares, kind="stable")[: wanted - take.sum()]] += 1
    chosen = {
        int(i)
        for number, n in enumerate(take)
        for i in rng.permutation(np.flatnonzero(labels == number))[:n]
    }
    rest = tuple(clip for i, clip in enumerate(train) if i not in chosen)
    return rest, tuple(train[i] for i in sorted(chosen))


def with_val(found: ClipSet, options: ClipOptions, seed: int) -> ClipSet:
    """`found`, with val carved from train where the lists have none."""
    if found.splits.get("val"):
        return found
    train, val = carve_val(found.splits["train"], options.val, seed)
    note = {"val": f"{len(val)} of train, stratified, seed {seed}"}
    return replace(
        found, splits={**found.splits, "train": train, "val": val}, info={**found.info, **note}
    )
