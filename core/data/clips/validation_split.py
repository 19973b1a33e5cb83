"""Validation clips taken from train, in proportion to the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from asgml.core.data.base import DataError
from asgml.core.data.clips.clip_options import ClipOptions
from asgml.core.data.clips.clips import Clip, ClipSet


def with_val(clip_set: ClipSet, options: ClipOptions, seed: int) -> ClipSet:
    """Return the data set with val carved from train where the lists have none."""
    if clip_set.splits.get("val"):
        return clip_set
    train, val = carve_val(clip_set.splits["train"], options.val, seed)
    splits = {**clip_set.splits, "train": train, "val": val}
    info = {**clip_set.info, "val": f"{len(val)} of train, stratified, seed {seed}"}
    return replace(clip_set, splits=splits, info=info)


def carve_val(
    train: Sequence[Clip], count: int, seed: int
) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Return train and val: `count` clips, or a tenth for 0, go to val.

    Each class gives clips in proportion to its size, rounded by largest remainder.
    """
    rng = np.random.default_rng(seed)
    labels = np.array([clip.label for clip in train], dtype=np.int64)
    wanted = count or round(len(train) / 10)
    if not 0 < wanted < len(train):
        reason = (
            f"option val is {count}, but train has {len(train)} clips"
            if count
            else f"train has {len(train)} clips, too few to take a tenth"
        )
        raise DataError(f"{reason}; give val as a number below that, or more clips")
    sizes = np.bincount(labels)
    shares = wanted * sizes / len(train)
    take = np.floor(shares).astype(int)
    # A stable sort gives a tie to the lower class number, on every machine.
    take[np.argsort(take - shares, kind="stable")[: wanted - take.sum()]] += 1
    chosen = {
        int(i)
        for number, n in enumerate(take)
        for i in rng.permutation(np.flatnonzero(labels == number))[:n]
    }
    rest = tuple(clip for i, clip in enumerate(train) if i not in chosen)
    return rest, tuple(train[i] for i in sorted(chosen))
