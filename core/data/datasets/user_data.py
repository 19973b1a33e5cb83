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

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asgml.core.data.arrays.array_dataset import VAL_SHARE, carve_val
from asgml.core.data.arrays.memory_limit import check_memory
from asgml.core.data.base import SPLITS, DataError, Dataset, Split
from asgml.core.user_file import (
    UserFileError,
    code_digest,
    error_in_file,
    load_class,
    split_target,
)

LABEL = "label"
BLOCK = 256
"""Samples that are read into memory together."""
Samples = Sequence[Mapping[str, Any]]


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """Return the data set of the class FILE.py:CLASS. Raise DataError with one line."""
    source = UserSource(spec, dict(options))
    classes = _classes_of(source)
    found = {name: source.samples(name) for name in SPLITS}
    for name in ("train", "test"):
        if not len(found[name]):
            raise DataError(f"{spec}: split({name!r}) has no samples; give at least one")
    shapes = {m: tuple(tensor.shape) for m, tensor in source.sample("train", 0).items()}
    labels = {name: source.labels(name, len(classes)) for name in SPLITS}
    numbers, val = _numbers(labels, seed)
    origins = {name: "train" if val and name == "val" else name for name in SPLITS}
    splits = {
        name: source.make_split(
            origins[name], numbers[name], labels[origins[name]][numbers[name]], shapes
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


def _numbers(labels: Mapping[str, Tensor], seed: int) -> tuple[dict[str, Tensor], str]:
    """Return each split's samples by number, and the origin of val where it is carved."""
    every = {name: torch.arange(len(labels[name])) for name in SPLITS}
    if len(labels["val"]):
        return every, ""
    split = carve_val(labels["train"].numpy(), np.full(len(labels["train"]), "train"), seed)
    carved = {name: torch.from_numpy(np.flatnonzero(split == name)) for name in ("train", "val")}
    return {**every, **carved}, f"{VAL_SHARE:.0%} of train, stratified, seed {seed}"


@dataclass(frozen=True)
class UserSource:
    """The user's class with its options: made anew in each process that reads."""

    target: str
    options: dict[str, Any]

    @functools.cached_property
    def made(self) -> Any:
        """The user's object. Raise DataError where it cannot be made."""
        try:
            return load_class(self.target)(**self.options)
        except UserFileError as error:
            raise DataError(f"data {error}") from error
        except Exception as error:  # the user's code may raise anything
            raise DataError(
                f"data {self.target!r} cannot be made with options {self.options}: "
                f"{error_in_file(error, self.target)}"
            ) from error

    def samples(self, split: str) -> Samples:
        """Return the sequence of a split's samples; an empty one for None."""
        try:
            found = self.made.split(split)
            found = () if found is None else found
            len(found)
        except DataError:
            raise
        except Exception as error:  # the user's code may raise anything
            raise DataError(
                f"data {self.target!r}: split({split!r}) is no sequence of samples: "
                f"{error_in_file(error, self.target)}"
            ) from error
        return found

    def sample(self, split: str, number: int) -> dict[str, Tensor]:
        """Return one sample's tensors, {modality: …}. Raise DataError that names the sample."""
        named = self._named(split, number)
        tensors = {m: _tensor(value) for m, value in named.items() if m != LABEL}
        if not tensors:
            raise DataError(f"{self._where(split, number)} has no modality beside {LABEL!r}")
        return tensors

    def _named(self, split: str, number: int) -> Mapping[str, Any]:
        try:
            found = self._cached(split)[number]
        except Exception as error:  # the user's code may raise anything
            raise DataError(
                f"{self._where(split, number)}: {error_in_file(error, self.target)}"
            ) from error
        if not isinstance(found, Mapping):
            raise DataError(
                f"{self._where(split, number)} is a {type(found).__name__}; "
                f"expected a mapping of named tensors with {LABEL!r}"
            )
        return found

    @functools.cached_property
    def _splits(self) -> dict[str, Samples]:
        return {}

    def _cached(self, split: str) -> Samples:
        if split not in self._splits:
            self._splits[split] = self.samples(split)
        return self._splits[split]

    def labels(self, split: str, classes: int) -> Tensor:
        """Return the class number of each sample, from `labels` where the split has them."""
        samples = self._cached(split)
        given = getattr(samples, "labels", None)
        numbers = range(len(samples))
        values = list(given) if given is not None else [self._label(split, i) for i in numbers]
        if len(values) != len(samples):
            raise DataError(
                f"data {self.target!r}: split({split!r}).labels has {len(values)} entries "
                f"for {len(samples)} samples"
            )
        wrong = [i for i, value in enumerate(values) if not 0 <= int(value) < classes]
        if wrong:
            raise DataError(
                f"{self._where(split, wrong[0])} has {LABEL} {int(values[wrong[0]])}; "
                f"expected a number from 0 to {classes - 1}, for {classes} classes"
            )
        return torch.tensor([int(value) for value in values], dtype=torch.int64)

    def _label(self, split: str, number: int) -> int:
        named = self._named(split, number)
        if LABEL not in named:
            raise DataError(f"{self._where(split, number)} has no {LABEL!r}: its class number")
        return int(named[LABEL])

    def make_split(
        self, split: str, numbers: Tensor, labels: Tensor, shapes: Mapping[str, tuple[int, ...]]
    ) -> Split:
        """Return a split of these samples: read by batch, or all at once."""
        rows = UserRows(self.target, self.options, split, tuple(numbers.tolist()), dict(shapes))
        if getattr(self._cached(split), "labels", None) is not None:
            return Split({}, labels, rows=rows)
        check_memory(
            4 * len(rows) * sum(int(np.prod(shape)) for shape in shapes.values()),
            "give the split an attribute `labels`: it is then read by batch",
        )
        starts = range(0, len(rows), BLOCK)
        blocks = [rows.read(range(s, min(s + BLOCK, len(rows)))) for s in starts]
        return Split({m: torch.cat([block[m] for block in blocks]) for m in shapes}, labels)

    def _where(self, split: str, number: int) -> str:
        return f"data {self.target!r}: split({split!r})[{number}]"


@dataclass(frozen=True)
class UserRows:
    """Samples of a split that the user's class reads. Only names and numbers are sent to others."""

    target: str
    options: dict[str, Any]
    split: str
    numbers: tuple[int, ...]
    shapes: dict[str, tuple[int, ...]]

    @functools.cached_property
    def source(self) -> UserSource:
        return UserSource(self.target, self.options)

    @property
    def workers(self) -> int:
        return int(getattr(self.source.made, "workers", 0))

    @property
    def nbytes(self) -> None:
        return None

    def __len__(self) -> int:
        return len(self.numbers)

    def __reduce__(self) -> tuple[Any, ...]:
        # a process that reads runs the file itself: its class cannot be found by name there
        return UserRows, (self.target, self.options, self.split, self.numbers, self.shapes)

    def read(self, numbers: Sequence[int]) -> dict[str, Tensor]:
        samples = [self._checked(self.numbers[number]) for number in numbers]
        return {m: torch.stack([sample[m] for sample in samples]) for m in self.shapes}

    def only(self, modalities: Sequence[str]) -> UserRows:
        return replace(self, shapes={m: self.shapes[m] for m in modalities})

    def _checked(self, number: int) -> dict[str, Tensor]:
        sample = self.source.sample(self.split, number)
        shapes = {m: tuple(tensor.shape) for m, tensor in sample.items() if m in self.shapes}
        if shapes != self.shapes:
            raise DataError(
                f"data {self.target!r}: split({self.split!r})[{number}] has {_listed(shapes)}; "
                f"expected {_listed(self.shapes)} as the first sample of train: pad or cut it"
            )
        return sample


def _classes_of(source: UserSource) -> tuple[str, ...]:
    given = getattr(source.made, "classes", None)
    classes = tuple(map(str, given)) if isinstance(given, Sequence) else ()
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise DataError(
            f"data {source.target!r}: classes = {given!r}; expected two or more different names"
        )
    return classes


def _tensor(value: Any) -> Tensor:
    """Return float32, or int64 for whole numbers and truth values, such as a text's tokens."""
    tensor = torch.as_tensor(value)
    return tensor.float() if tensor.is_floating_point() else tensor.long()


def _listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{m} {shape}" for m, shape in shapes.items())
