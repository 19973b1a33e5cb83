"""The ensemble record: what a plan's ensemble of runs reached, in PLAN/ensembles/LABEL-sSEED.json.

An ensemble trains nothing, so it has no run; beside the runs of its plan its values are read here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from asgml.storage.format import typed
from asgml.storage.format.bounded_file import read_json_object
from asgml.storage.format.errors import FormatError

FOLDER = "ensembles"
_TYPES: dict[str, typed.Check] = {
    "members": typed.is_names,
    "averaged": typed.is_text,
    "digest": typed.is_text,
    "values": typed.is_object,
}


@dataclass(frozen=True)
class EnsembleRecord:
    """The mean prediction of several runs.

    `values` has the names of the columns that a run would hold them under: val_accuracy, and
    test_accuracy_at_best_val (every member predicts with the network that validation chose).
    """

    members: tuple[str, ...]  # names of the runs in the plan's folder
    averaged: str  # "softmax", or "output" in a regression
    digest: str  # PlanCell.digest of the cell that asked for it
    values: Mapping[str, float]


def ensemble_file(plan_folder: Path, name: str) -> Path:
    """Return the file of the ensemble called `name` (PlanCell.run) of a plan."""
    return plan_folder / FOLDER / f"{name}.json"


def read_ensemble(path: Path) -> EnsembleRecord | None:
    """Return the record in a file, None where there is none, a link, or a damaged one."""
    if os.path.islink(path.parent):
        return None
    try:
        record = read_json_object(path, follow_links=False)
        typed.refuse_other_types(record, _TYPES, _TYPES, "an ensemble")
    except (FormatError, OSError):
        return None
    given = record["values"].items()
    values = {str(name): float(value) for name, value in given if typed.is_number(value)}
    members = tuple(str(name) for name in record["members"])
    return EnsembleRecord(members, record["averaged"], record["digest"], values)


def read_ensembles(plan_folder: Path) -> dict[str, EnsembleRecord]:
    """Return the readable records of a plan, by the name of their cell (PlanCell.run)."""
    files = sorted((plan_folder / FOLDER).glob("*.json"))
    found = {file.stem: read_ensemble(file) for file in files}
    return {name: record for name, record in found.items() if record is not None}


def write_ensemble(path: Path, record: EnsembleRecord) -> None:
    """Write the file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
