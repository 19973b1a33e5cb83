"""Samples of a split that the user's own class reads: by batch, or all at once."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from asgml.core.data.base import DataError
from asgml.core.data.datasets.user_source import UserSource


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
        sample = self.source.sample(self.split, number, self.shapes)
        shapes = {m: tuple(tensor.shape) for m, tensor in sample.items()}
        if shapes != self.shapes:
            raise DataError(
                f"data {self.target!r}: split({self.split!r})[{number}] has {_listed(shapes)}; "
                f"expected {_listed(self.shapes)} as the first sample of train: pad or cut it"
            )
        if bad := [m for m, tensor in sample.items() if not bool(tensor.isfinite().all())]:
            raise DataError(
                f"data {self.target!r}: split({self.split!r})[{number}] has NaN or infinity as "
                f"float32 in modality {bad[0]!r}; repair or drop the sample"
            )
        return sample


def _listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{m} {shape}" for m, shape in shapes.items())
