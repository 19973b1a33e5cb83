"""Checks of the labels, the split and the modalities in a file of arrays, each error one line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asgml.core.data.arrays.array_file import Header
from asgml.core.data.base import SPLITS, DataError

RESERVED_KEYS = ("label", "split", "classes", "group")
NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
DTYPES = ("uint8", "float16", "float32", "float64")
LAYOUTS = "(N, D) vectors, (N, T, F) sequences, (N, C, H, W) images or (N, T, C, H, W) frames"
ROWS_AT_ONCE = 256  # samples converted together, so that the check needs no copy of the data

Array = NDArray[Any]


def check_labels(labels: Array) -> NDArray[np.int64]:
    """Return the labels as int64. Raise DataError unless they are integers from 0, one a sample."""
    if labels.ndim != 1 or labels.size == 0:
        shape = f"'label' has shape {labels.shape}"
        raise DataError(f"{shape}; expected (N,), one class number a sample")
    if labels.dtype.kind not in "iu":
        advice = "expected integers from 0: store it with .astype('int64')"
        raise DataError(f"'label' is {labels.dtype}; {advice}")
    lowest, highest = labels.min(), labels.max()
    if lowest < 0 or highest >= 2**31:
        raise DataError(f"'label' runs from {lowest} to {highest}; expected class numbers from 0")
    return labels.astype(np.int64)


def check_classes(names: Array | None, labels: NDArray[np.int64]) -> tuple[str, ...]:
    """Return the class names, "0", "1", … where the file gives none.

    Raise DataError where a label has no name, or two classes have one.
    """
    lowest, highest = int(labels.min()), int(labels.max())
    if names is None:
        if highest >= len(labels):
            numbers = f"'label' runs to {highest} with {len(labels)} samples"
            raise DataError(f"{numbers}; number the classes from 0 on")
        return tuple(str(number) for number in range(highest + 1))
    classes = check_text("classes", names)
    if highest >= len(classes):
        named = f"'classes' names {len(classes)} (0 … {len(classes) - 1})"
        raise DataError(f"'label' runs from {lowest} to {highest}, but {named}")
    if len(set(classes)) < len(classes):
        twice = next(name for name in classes if classes.count(name) > 1)
        raise DataError(f"'classes' names {twice!r} twice; give every class its own name")
    return classes


def check_text(key: str, texts: Array) -> tuple[str, ...]:
    """Return a one-dimensional array of text as strings.

    The values are checked, not the dtype: with an older numpy Zarr's strings come as objects.
    """
    if texts.ndim != 1:
        raise DataError(f"{key!r} has shape {texts.shape}; expected one dimension of text")
    decoded = [
        text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        for text in texts.tolist()
    ]
    if not all(isinstance(text, str) for text in decoded):
        raise DataError(f"{key!r} is {texts.dtype}; expected text")
    return tuple(decoded)


def check_split(names: Sequence[str], samples: int) -> NDArray[np.str_]:
    """Return the split of every sample. Raise DataError where train or test is empty."""
    if len(names) != samples:
        lengths = f"'split' has {len(names)} entries for {samples} labels"
        raise DataError(f"{lengths}; expected one a sample")
    unknown = sorted(set(names) - set(SPLITS))
    if unknown:
        raise DataError(f"'split' has the word {unknown[0]!r}; expected 'train', 'val' or 'test'")
    for split in ("train", "test"):
        if split not in names:
            raise DataError(f"'split' marks no sample as {split!r}; mark some (a tenth or more)")
    return np.array(names, dtype=np.str_)


def check_every_class_trains(
    labels: NDArray[np.int64], train: NDArray[np.bool_], classes: Sequence[str]
) -> None:
    """Raise DataError where a class has no training sample."""
    counts = np.bincount(labels[train], minlength=len(classes))
    absent = [name for name, count in zip(classes, counts, strict=True) if count == 0]
    if absent:
        found = f"no training sample of class {absent[0]!r} ({len(absent)} such)"
        raise DataError(f"{found}; add some or drop the class")


def check_name(name: str) -> None:
    """Raise DataError for a modality's name that cannot be part of a column name."""
    if not NAME.fullmatch(name):
        expected = "a name has 1 to 40 of A–Z a–z 0–9 _ -, since it becomes part of column names"
        raise DataError(f"modality {name!r}: {expected}")


def check_modality(name: str, header: Header, samples: int) -> None:
    """Raise DataError for a modality's name, size or type, before its values are read."""
    check_name(name)
    shape = header.shape
    if not 2 <= len(shape) <= 5:
        raise DataError(f"modality {name!r} has shape {shape}; expected {LAYOUTS}")
    if shape[0] != samples:
        sizes = f"modality {name!r} has {shape[0]} samples for {samples} labels"
        raise DataError(f"{sizes}; expected as many")
    if 0 in shape:
        advice = "an axis of length 0 holds no feature: leave it out"
        raise DataError(f"modality {name!r} has shape {shape}; {advice}")
    if header.dtype.name not in DTYPES:
        advice = f"expected {', '.join(DTYPES)}: use .astype('float32')"
        raise DataError(f"modality {name!r} is {header.dtype}; {advice}")


def check_finite(name: str, values: Array) -> None:
    """Raise DataError where a value is NaN or infinite, also after conversion to float32."""
    if values.dtype == np.uint8:
        return
    bad: list[int] = []
    for start in range(0, len(values), ROWS_AT_ONCE):
        with np.errstate(over="ignore"):
            block = values[start : start + ROWS_AT_ONCE].astype(np.float32)
        finite = np.isfinite(block).all(axis=tuple(range(1, block.ndim)))
        bad += (np.flatnonzero(~finite) + start).tolist()
    if bad:
        found = f"NaN or infinity in {len(bad)} of {len(values)} samples, the first in row {bad[0]}"
        raise DataError(f"modality {name!r} has {found}; repair or drop them")
