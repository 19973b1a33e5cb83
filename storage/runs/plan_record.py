"""The plan record: rows, seeds and cells of a plan as they were resolved, in PLAN/plan.json.

The scheduler writes it into the plan's folder of runs when it starts; the dashboard and the report
read it. The state of a cell is never in it: that is the state of the cell's run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FILE = "plan.json"


@dataclass(frozen=True)
class PlanCell:
    """One row of a plan with one seed: the run that it asks for."""

    row: int  # index into PlanRecord.rows
    seed: int
    run: str  # name of the run's directory in the plan's folder
    digest: str  # storage.runs.settings.cell_digest of the settings asked for


@dataclass(frozen=True)
class PlanRow:
    """One variant: a label, and the settings that tell it from the other rows."""

    label: str
    settings: Mapping[str, Any]  # dotted key -> value, of `set`, `grid` and what tuning chose
    tuned: Mapping[str, Any] = field(default_factory=dict)  # trials, keys, seeds, chosen values


@dataclass(frozen=True)
class PlanRecord:
    """A resolved plan."""

    name: str
    title: str
    data: str
    metric: str  # column that the table is about, test_accuracy_at_best_val by default
    baseline: str  # label of the row that the others are paired with; "" for none
    seeds: tuple[int, ...]
    rows: tuple[PlanRow, ...]
    cells: tuple[PlanCell, ...]
    source: str = ""  # text of the plan's TOML file
    versions: Mapping[str, str] = field(default_factory=dict)
