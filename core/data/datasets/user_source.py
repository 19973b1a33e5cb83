"""The user's own class of data: its splits, samples and labels, with an error for each fault."""

from __future__ import annotations

import functools
from collections.abc import Container, Mapping, Sequence
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

    def sample(
        self, split: str, number: int, only: Container[str] | None = None
    ) -> dict[str, Tensor]:
        """Return one sample's tensors, {modality: …}, of those in `only` where it is given.

        Raise DataError that names the sample: for a value that is no tensor, and for a label of
        its own that is not its entry of `labels`.
        """
        named = self._named(split, number)
        self._refuse_other_label(split, number, named)
        tensors = {
            m: self._tensor(split, number, m, value)
            for m, value in named.items()
            if m != LABEL and (only is None or m in only)
        }
        if not tensors and only is None:
            raise DataError(f"{self._where(split, number)} has no modality beside {LABEL!r}")
        return tensors

    def _tensor(self, split: str, number: int, modality: str, value: Any) -> Tensor:
        """Return float32, or int64 for whole numbers and truth values, such as a text's tokens."""
        where = f"{self._where(split, number)}, modality {modality!r}"
        try:
            tensor = torch.as_tensor(value)
        except Exception as error:  # torch raises several kinds
            raise DataError(
                f"{where} is a {type(value).__name__} that is no tensor; expected an array of "
                "numbers, such as a text's tokens"
            ) from error
        if tensor.is_complex():
            raise DataError(f"{where} is {tensor.dtype}; expected real numbers")
        return tensor.float() if tensor.is_floating_point() else tensor.long()

    def _refuse_other_label(self, split: str, number: int, named: Mapping[str, Any]) -> None:
        given = self._given_labels(split)
        if given is None or LABEL not in named:
            return
        own, listed = (_whole_number(value) for value in (named[LABEL], given[number]))
        if own != listed:
            raise DataError(
                f"{self._where(split, number)} has {LABEL} {_shown(named[LABEL])}, and "
                f"split({split!r}).labels[{number}] is {_shown(given[number])}; "
                "give both the same class number"
            )

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
        return self._given_labels(split) is not None

    @functools.cached_property
    def _labels(self) -> dict[str, list[Any] | None]:
        return {}

    def _given_labels(self, split: str) -> list[Any] | None:
        """Return the entries of a split's attribute `labels`, None where it has none."""
        if split not in self._labels:
            samples = self._cached(split)
            try:
                given = getattr(samples, "labels", None)
                self._labels[split] = None if given is None else list(given)
            except Exception as error:  # the user's code may raise anything
                raise DataError(
                    f"data {self.target!r}: split({split!r}).labels is no sequence of class "
                    f"numbers: {error_in_file(error, self.target)}"
                ) from error
        return self._labels[split]

    def labels(self, split: str, classes: int) -> Tensor:
        """Return the class number of each sample, from `labels` where the split has them."""
        samples = self._cached(split)
        given = self._given_labels(split)
        numbers = range(len(samples))
        values = given if given is not None else [self._label(split, i) for i in numbers]
        if len(values) != len(samples):
            raise DataError(
                f"data {self.target!r}: split({split!r}).labels has {len(values)} entries "
                f"for {len(samples)} samples"
            )
        found = [_whole_number(value) for value in values]
        for i, value in enumerate(found):
            if value is None or not 0 <= value < classes:
                raise DataError(
                    f"{self._where(split, i)} has {LABEL} {_shown(values[i])}; expected a whole "
                    f"number from 0 to {classes - 1}, for {classes} classes"
                )
        return torch.tensor(found, dtype=torch.int64)

    def _label(self, split: str, number: int) -> Any:
        named = self._named(split, number)
        if LABEL not in named:
            raise DataError(f"{self._where(split, number)} has no {LABEL!r}: its class number")
        return named[LABEL]

    def _where(self, split: str, number: int) -> str:
        return f"data {self.target!r}: split({split!r})[{number}]"


def _whole_number(value: Any) -> int | None:
    """Return an integer, also from an array with one; None for anything else, such as 1.0."""
    if type(value) is int:
        return value
    try:
        tensor = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return None
    whole = tensor.numel() == 1 and not (tensor.is_floating_point() or tensor.is_complex())
    return int(tensor.item()) if whole else None


def _shown(value: Any) -> str:
    """Return a label as text of one short line."""
    number = _whole_number(value)
    return " ".join(repr(value).split())[:60] if number is None else str(number)
