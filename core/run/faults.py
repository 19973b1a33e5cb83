"""Faults: the first number of each watched column that is not finite, found as rows are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WATCHED = ("loss", "grad_norm")
"""Metrics of a step that end a training where they are not finite."""


@dataclass(frozen=True)
class Fault:
    """A number that is not finite, the first of its column."""

    step: int
    column: str
    value: float

    @property
    def text(self) -> str:
        return f"{self.column} is {self.value} at step {self.step}"


class FaultWatch:
    """`add` belongs to the thread that writes; `faults`, by column, may be read by any."""

    def __init__(self, columns: Sequence[str]) -> None:
        """Watch the columns of `steps`."""
        self.faults: dict[str, Fault] = {}
        self._watched = {i: name for i, name in enumerate(columns) if name.split("/")[0] in WATCHED}

    def add(self, rows: npt.NDArray[np.float64]) -> None:
        for j, column in self._watched.items():
            finite = np.isfinite(rows[:, j])
            if column not in self.faults and not finite.all():
                first = int(np.argmin(finite))
                self.faults[column] = Fault(int(rows[first, 0]), column, float(rows[first, j]))
