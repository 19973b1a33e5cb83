"""The measurements of a trained diagnosis: its runs read, their encoders' features judged anew."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from asgml.app.diagnosis.diagnosis_plan import ALONE, BALANCED, JOINT, is_alone, modalities_of
from asgml.app.diagnosis.measurements import Measurements
from asgml.app.plans.cell_status import CellStatus, PlanProgress
from asgml.app.plans.cells import Cell
from asgml.core.data.base import DataError
from asgml.core.run.unimodal_reference import ReferenceRunError
from asgml.core.training.components import find_device
from asgml.core.training.yardsticks import RunYardsticks, Yardsticks

Told = Callable[[str], None]


def measure(progress: PlanProgress, folder: Path, method: str, told: Told) -> Measurements:
    """Return what the runs of a diagnosis reached. `told` is called with the name of each.

    A run that has not finished, or cannot be read, has no result; it is named in `missing`.
    """
    reader = _Reader(folder, told)
    for cell in progress.plan.cells:
        reader.take(cell, progress.of(cell))
    return Measurements(
        modalities=modalities_of(progress.plan),
        seeds=progress.plan.seeds,
        method=method,
        alone=reader.encoders[ALONE],
        inside=reader.encoders[JOINT],
        own=reader.own,
        ensemble=reader.ensemble,
        joint=reader.accuracy[JOINT],
        balanced=reader.accuracy[BALANCED],
        inside_balanced=reader.encoders[BALANCED],
        chance=reader.chance,
        missing=reader.missing,
    )


class _Reader:
    """Gathers values by kind of row, modality and seed."""

    def __init__(self, folder: Path, told: Told) -> None:
        self.encoders: dict[str, dict[str, dict[int, float]]] = defaultdict(
            lambda: defaultdict(dict)
        )
        self.own: dict[str, dict[int, float]] = defaultdict(dict)
        self.accuracy: dict[str, dict[int, float]] = defaultdict(dict)
        self.ensemble: dict[int, float] = {}
        self.missing: dict[str, str] = {}
        self.chance = math.nan
        self._folder, self._told = folder, told
        self._yardsticks = RunYardsticks(find_device("auto"))

    def take(self, cell: Cell, status: CellStatus) -> None:
        """Take the result of a cell, or note why it has none."""
        name = status.run or cell.run
        if status.state != "finished":
            self.missing[name] = status.problem or status.state
        elif cell.ensemble:
            self.ensemble[cell.seed] = status.value
        else:
            self._told(name)
            self._read(cell, name)

    def _read(self, cell: Cell, name: str) -> None:
        try:
            found = self._yardsticks.read(self._folder / name)
        except (ReferenceRunError, DataError) as error:
            self.missing[name] = str(error)
            return
        self.chance = found.chance
        self._keep(cell, found)

    def _keep(self, cell: Cell, found: Yardsticks) -> None:
        kind = ALONE if is_alone(cell) else cell.label
        for modality, accuracy in found.accuracy.items():
            self.encoders[kind][modality][cell.seed] = accuracy
        if kind == ALONE:
            self.own[cell.settings.modalities[0]][cell.seed] = found.val_accuracy
        else:
            self.accuracy[kind][cell.seed] = found.val_accuracy
