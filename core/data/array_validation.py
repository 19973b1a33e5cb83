"""Says in one line what is wrong with a file of arrays: its labels, its split, its modalities."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.array_file import Header
from asgml.core.data.base import SPLITS, DataError

RESERVED_KEYS = ("label", "split", "classes", "group")
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
DTYPES = ("uint8", "float16", "float32", "float64")
LAYOUTS = "(N, D) vectors, (N, T, F) sequences, (N, C, H, W) images or (N, T, C, H, W) frames"
FINITE_ROWS = 256  # samples looked at together

Array = NDArray[Any]


def check_labels(labels: Array) -> NDArray[np.int64]:
    """Labels are integers from 0, one a sample."""
    if labels.ndim != 1 or labels.size == 0:
        raise DataError(
            f"'label' has shape {labels.shape}; expected (N,), one class number a sample"
        )
    if labels.dtype.kind not in "iu":
        raise DataError(
            f"'label' is {labels.dtype}; expected integers from 0: store it with .astype('int64')"
        )
    lowest, highest = labels.min(), labels.max()
    if lowest < 0 or highest >= 2**31:
        raise DataError(f"'label' runs from {lowest} to {highest}; expected class numbers from 0")
    return labels.astype(np.int64)


def check_classes(names: Array | None, labels: NDArray[np.int64]) -> tuple[str, ...]:
    """The names of the classes, "0", "1", … where the file gives none. Every label must have one."""
    lowest, highest = int(labels.min()), int(labels.max())
    if names is None:
        if highest >= len(labels):
            raise DataError(
                f"'label' runs to {highest} with {len(labels)} samples; number the classes from 0 on"
            )
        return tuple(str(number) for number in range(highest + 1))
    classes = check_text("classes", names)
    if highest >= len(classes):
        raise DataError(
            f"'label' runs from {lowest} to {highest}, but 'classes' names {len(classes)} (0 … {len(classes) - 1})"
        )
    if len(set(classes)) < len(classes):
        twice = next(name for name in classes if classes.count(name) > 1)
        raise DataError(f"'classes' names {twice!r} twice; give every class its own name")
    return classes


def check_text(key: str, words: Array) -> tuple[str, ...]:
    """A one-dimensional array of text. Zarr's strings come as objects with an older numpy, so values count, not dtype."""
    if words.ndim != 1:
        raise DataError(f"{key!r} has shape {words.shape}; expected one dimension of text")
    found = [
        word.decode("utf-8", "replace") if isinstance(word, bytes) else word
        for word in words.tolist()
    ]
    if not all(isinstance(word, str) for word in found):
        raise DataError(f"{key!r} is {words.dtype}; expected text")
    return tuple(found)


def check_split(words: Sequence[str], samples: int) -> NDArray[np.str_]:
    """One of the three words for every sample; train and test are not empty."""
    if len(words) != samples:
        raise DataError(
            f"'split' has {len(words)} entries for {samples} labels; expected one a sample"
        )
    split = np.array(words, dtype=np.str_)
    strange = sorted(set(words) - set(SPLITS))
    if strange:
        raise DataError(f"'split' has the word {strange[0]!r}; expected 'train', 'val' or 'test'")
    for part in ("train", "test"):
        if part not in words:
            raise DataError(f"'split' marks no sample as {part!r}; mark some (a tenth or more)")
    return split


def check_every_class_trains(
    labels: NDArray[np.int64], train: NDArray[np.bool_], classes: Sequence[str]
) -> None:
    counts = np.bincount(labels[train], minlength=len(classes))
    absent = [name for name, count in zip(classes, counts, strict=True) if count == 0]
    if absent:
        raise DataError(
            f"no training sample of class {absent[0]!r} ({len(absent)} such); add some or drop the class"
        )


def check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise DataError(
            f"modality {name!r}: a name has 1 to 40 of A–Z a–z 0–9 _ -, since it becomes part of column names"
        )


def check_modality(name: str, header: Header, samples: int) -> None:
    """A modality's name, size and type, before its values are read."""
    check_name(name)
    shape = header.shape
    if not 2 <= len(shape) <= 5:
        raise DataError(f"modality {name!r} has shape {shape}; expected {LAYOUTS}")
    if shape[0] != samples:
        raise DataError(
            f"modality {name!r} has {shape[0]} samples for {samples} labels; expected as many"
        )
    if 0 in shape:
        raise DataError(
            f"modality {name!r} has shape {shape}; an axis of length 0 holds no feature: leave it out"
        )
    if header.dtype.name not in DTYPES:
        raise DataError(
            f"modality {name!r} is {header.dtype}; expected {', '.join(DTYPES)}: use .astype('float32')"
        )


def check_finite(name: str, values: Array) -> None:
    """No NaN and no infinity, not even after conversion to float32."""
    if values.dtype == np.uint8:
        return
    bad: list[int] = []
    for start in range(0, len(values), FINITE_ROWS):
        with np.errstate(over="ignore"):
            part = values[start : start + FINITE_ROWS].astype(np.float32)
        finite = np.isfinite(part).all(axis=tuple(range(1, part.ndim)))
        bad += (np.flatnonzero(~finite) + start).tolist()
    if bad:
        raise DataError(
            f"modality {name!r} has NaN or infinity in {len(bad)} of {len(values)} samples, the first in row {bad[0]}; repair or drop them"
        )
