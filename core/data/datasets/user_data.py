"""Data from a class of the user's own: `--data mine.py:Mine` (DATA.md, "A class of your own").

    class Mine:
        classes = ("calm", "glad")

        def __init__(self, **options): ...      # data.options
        def split(self, name): ...              # train, val or test: a sequence of samples

A sample is a mapping of named tensors (or arrays) with its class number under "label". A sequence
with an attribute `labels` is read by batch, by `workers` processes; any other is read once, into
memory. A split that is None or empty is missing: only val may be, and is carved from train.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asgml.core.data.arrays.array_split import VAL_SHARE, carve_val
from asgml.core.data.arrays.array_validation import check_every_class_trains, check_name
from asgml.core.data.arrays.memory_limit import check_memory
from asgml.core.data.base import SPLITS, DataError, Dataset, Split
from asgml.core.data.datasets.user_rows import UserRows
from asgml.core.data.datasets.user_source import UserSource
from asgml.core.user_file import code_digest, split_target

BLOCK = 256
"""Samples that are read into memory together."""


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """Return the data set of the class FILE.py:CLASS. Raise DataError with one line."""
    source = UserSource(spec, dict(options))
    classes = _classes_of(source)
    found = {name: source.samples(name) for name in SPLITS}
    for name in ("train", "test"):
        if not len(found[name]):
            raise DataError(f"{spec}: split({name!r}) has no samples; give at least one")
    shapes = _shapes_of(source)
    labels = {name: source.labels(name, len(classes)) for name in SPLITS}
    numbers, val = _numbers(labels, seed)
    _refuse_untrained(spec, labels["train"][numbers["train"]], classes)
    origins = {name: "train" if val and name == "val" else name for name in SPLITS}
    splits = {
        name: _make_split(
            source, origins[name], numbers[name], labels[origins[name]][numbers[name]], shapes
        )
        for name in SPLITS
    }
    file, class_name = split_target(spec)
    info = {
        "source": spec,
        "sha256": code_digest(spec),
        "counts": {name: len(split) for name, split in splits.items()},
        "class_counts": {
            name: torch.bincount(split.labels, minlength=len(classes)).tolist()
            for name, split in splits.items()
        },
        "val": val or "from the data",
        **({"options": dict(options)} if options else {}),
    }
    return Dataset(f"{file.name}:{class_name}", tuple(shapes), classes, shapes, splits, info)


def _make_split(
    source: UserSource,
    split: str,
    numbers: Tensor,
    labels: Tensor,
    shapes: Mapping[str, tuple[int, ...]],
) -> Split:
    """Return a split of these samples: read by batch, or all at once."""
    rows = UserRows(source.target, source.options, split, tuple(numbers.tolist()), dict(shapes))
    if source.has_labels(split):
        return Split({}, labels, rows=rows)
    check_memory(
        4 * len(rows) * sum(int(np.prod(shape)) for shape in shapes.values()),
        "give the split an attribute `labels`: it is then read by batch",
    )
    starts = range(0, len(rows), BLOCK)
    blocks = [rows.read(range(s, min(s + BLOCK, len(rows)))) for s in starts]
    return Split({m: torch.cat([block[m] for block in blocks]) for m in shapes}, labels)


def _numbers(labels: Mapping[str, Tensor], seed: int) -> tuple[dict[str, Tensor], str]:
    """Return each split's samples by number, and the origin of val where it is carved."""
    every = {name: torch.arange(len(labels[name])) for name in SPLITS}
    if len(labels["val"]):
        return every, ""
    split = carve_val(labels["train"].numpy(), np.full(len(labels["train"]), "train"), seed)
    carved = {name: torch.from_numpy(np.flatnonzero(split == name)) for name in ("train", "val")}
    return {**every, **carved}, f"{VAL_SHARE:.0%} of train, stratified, seed {seed}"


def _refuse_untrained(spec: str, train: Tensor, classes: Sequence[str]) -> None:
    """Raise DataError where train holds no sample of a class."""
    try:
        check_every_class_trains(train.numpy(), np.ones(len(train), dtype=np.bool_), classes)
    except DataError as error:
        raise DataError(f"data {spec!r}: {error}") from None


def _shapes_of(source: UserSource) -> dict[str, tuple[int, ...]]:
    """Return the shape of each modality, {m: shape}, of the first sample of train.

    Raise DataError for a name that cannot be part of a column name, and for an empty modality.
    """
    shapes = {m: tuple(tensor.shape) for m, tensor in source.sample("train", 0).items()}
    for m, shape in shapes.items():
        if 0 in shape:
            raise DataError(
                f"data {source.target!r}: split('train')[0], modality {m!r} has shape {shape}; "
                "an axis of length 0 holds no feature: leave it out"
            )
        try:
            check_name(m)
        except DataError as error:
            raise DataError(f"data {source.target!r}: split('train')[0], {error}") from None
    return shapes


def _classes_of(source: UserSource) -> tuple[str, ...]:
    given = getattr(source.made, "classes", None)
    classes = tuple(map(str, given)) if isinstance(given, Sequence) else ()
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise DataError(
            f"data {source.target!r}: classes = {given!r}; expected two or more different names"
        )
    return classes
