"""The user's own class of data: its splits, samples and labels, with an error for each fault."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from asgml.core.data.base import DataError
from asgml.core.user_file import UserFileError, error_in_file, load_class

LABEL = "label"
Samples = Sequence[Mapping[str, Any]]


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

    def has_labels(self, split: str) -> bool:
        """Return True where a split has an attribute `labels`: it is then read by batch."""
        return getattr(self._cached(split), "labels", None) is not None

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

    def _where(self, split: str, number: int) -> str:
        return f"data {self.target!r}: split({split!r})[{number}]"


def _tensor(value: Any) -> Tensor:
    """Return float32, or int64 for whole numbers and truth values, such as a text's tokens."""
    tensor = torch.as_tensor(value)
    return tensor.float() if tensor.is_floating_point() else tensor.long()
