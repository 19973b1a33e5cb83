"""The plan record: rows, seeds and cells of a plan as they were resolved, in PLAN/plan.json.

The scheduler writes it into the plan's folder of runs when it starts; the dashboard and the report
read it. The state of a cell is never in it: that is the state of the cell's run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from asgml.storage.format import typed
from asgml.storage.format.bounded_file import read_json_object
from asgml.storage.format.errors import FormatError

FILE = "plan.json"
_CELL: dict[str, typed.Check] = {
    "row": typed.is_count,
    "seed": typed.is_whole,
    "run": lambda name: typed.is_text(name) and _is_plain(name),
    "digest": typed.is_text,
}
_ROW: dict[str, typed.Check] = {
    "label": typed.is_text,
    "settings": typed.is_object,
    "tuned": typed.is_object,
}
_PLAN: dict[str, typed.Check] = {
    **dict.fromkeys(("name", "title", "data", "metric", "baseline", "source"), typed.is_text),
    "seeds": typed.is_list_of(typed.is_whole),
    "rows": typed.is_list_of(typed.is_object),
    "cells": typed.is_list_of(typed.is_object),
    "versions": typed.is_object,
}
_OPTIONAL = ("source", "versions", "tuned")


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


def is_plan(folder: Path) -> bool:
    """Return True for the folder of a plan's runs."""
    file = folder / FILE
    return os.path.isfile(file) and not os.path.islink(file)


def read_plan_record(folder: Path) -> PlanRecord:
    """Return the record in a plan's folder. Raise FormatError for a damaged one, OSError for none.

    No name of a run in it leads out of the folder.
    """
    record = read_json_object(folder / FILE, follow_links=False)
    plan = _checked(record, _PLAN, FILE)
    rows = tuple(PlanRow(**_checked(row, _ROW, "a row")) for row in plan["rows"])
    cells = tuple(PlanCell(**_checked(cell, _CELL, "a cell")) for cell in plan["cells"])
    if any(cell.row >= len(rows) for cell in cells):
        raise FormatError(f"{FILE}: a cell is of a row that is not there")
    versions = {str(name): str(value) for name, value in plan.get("versions", {}).items()}
    seeds = tuple(plan["seeds"])
    return PlanRecord(**plan | {"rows": rows, "cells": cells, "seeds": seeds, "versions": versions})


def write_plan_record(folder: Path, plan: PlanRecord) -> None:
    """Write the record into a plan's folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{FILE}.partial"
    partial.write_text(json.dumps(asdict(plan), indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / FILE)


def _checked(record: Any, checks: Mapping[str, typed.Check], what: str) -> dict[str, Any]:
    """Return what is declared of a record. Raise FormatError for another type, or none."""
    required = [key for key in checks if key not in _OPTIONAL]
    typed.refuse_other_types(record, checks, required, what)
    return {key: record[key] for key in checks if key in record}


def _is_plain(name: str) -> bool:
    """Return True for the name of a directory in the plan's folder."""
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")
