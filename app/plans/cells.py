"""The cells of a plan: each row with each seed, and the settings that its run is asked to have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asgml.core.config.run_settings import RunSettings
from asgml.storage.runs.plan_record import PlanCell, PlanRecord, PlanRow


@dataclass(frozen=True)
class Cell:
    """A row with one seed.

    `settings.references` names runs of other cells, without a folder. The cell begins once the runs
    in `after` are finished. One with `ensemble` trains nothing: it is the mean prediction of these
    runs, and its settings say on which data and device they predict.
    """

    row: int  # index into ResolvedPlan.rows
    label: str
    seed: int
    run: str  # name of the run's directory in the plan's folder
    settings: RunSettings
    digest: str  # storage.runs.settings.cell_digest of the settings
    after: tuple[str, ...] = ()  # names of runs
    ensemble: tuple[str, ...] = ()  # names of runs


@dataclass(frozen=True)
class ResolvedPlan:
    """A plan of which every cell has its checked settings."""

    name: str
    title: str
    data: str
    metric: str
    baseline: str  # label of the row that the others are paired with; "" for none
    seeds: tuple[int, ...]
    rows: tuple[PlanRow, ...]
    cells: tuple[Cell, ...]
    source: str = ""  # text of the plan's TOML file
    versions: Mapping[str, str] = field(default_factory=dict)

    def record(self) -> PlanRecord:
        """Return what is written into the plan's folder."""
        given: dict[str, Any] = {
            key: getattr(self, key) for key in PlanRecord.__dataclass_fields__ if key != "cells"
        }
        cells = tuple(PlanCell(cell.row, cell.seed, cell.run, cell.digest) for cell in self.cells)
        return PlanRecord(cells=cells, **given)
