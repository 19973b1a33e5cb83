"""The plan record: written, read again, and refused where it is damaged or leads astray."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from asgml.storage.format.errors import FormatError
from asgml.storage.runs.ensemble_record import (
    FOLDER,
    EnsembleRecord,
    ensemble_file,
    read_ensembles,
    write_ensemble,
)
from asgml.storage.runs.plan_record import (
    FILE,
    PlanCell,
    PlanRecord,
    PlanRow,
    is_plan,
    read_plan_record,
    write_plan_record,
)

PLAN = PlanRecord(
    "table",
    "Boost — beside OGM-GE",
    "synthetic",
    "test_accuracy_at_best_val",
    "Baseline",
    (0, 1),
    (PlanRow("Baseline", {"method": "baseline"}), PlanRow("Boost", {"boost.alpha": 0.5})),
    (PlanCell(0, 0, "baseline-s0", "aa"), PlanCell(1, 1, "boost-s1", "bb")),
    'title = "x"',
    {"asgml": "0.2.0"},
)


def test_a_plan_that_was_written_is_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "table"
    assert not is_plan(folder)
    write_plan_record(folder, PLAN)
    assert is_plan(folder) and read_plan_record(folder) == PLAN
    assert os.listdir(folder) == [FILE]


def damaged(**changes: Any) -> dict[str, Any]:
    cell = {"row": 0, "seed": 0, "run": "a-s0", "digest": "aa"} | changes.pop("cell", {})
    return {
        **dict.fromkeys(("name", "title", "data", "metric", "baseline"), "x"),
        "seeds": [0],
        "rows": [{"label": "A", "settings": {}}],
        "cells": [cell],
        **changes,
    }


@pytest.mark.parametrize(
    "record",
    [
        [],
        {},
        damaged(rows=[]),
        damaged(seeds=["0"]),
        damaged(title=3),
        damaged(rows=[{"label": 3, "settings": {}}]),
        damaged(rows="A"),
        damaged(cell={"row": -1}),
        damaged(cell={"run": "../outside"}),
        damaged(cell={"run": "/etc"}),
        damaged(cell={"run": ".."}),
        damaged(cell={"run": ""}),
        damaged(cell={"seed": True}),
    ],
)
def test_a_damaged_plan_is_refused(record: Any, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps(record))
    with pytest.raises(FormatError):
        read_plan_record(tmp_path)


def test_what_a_newer_version_adds_is_ignored(tmp_path: Path) -> None:
    record = damaged(more=1, cell={"more": 2})
    (tmp_path / FILE).write_text(json.dumps(record))
    assert read_plan_record(tmp_path).cells == (PlanCell(0, 0, "a-s0", "aa"),)


def test_a_pipe_is_no_plan_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE)
    assert not is_plan(tmp_path)
    with pytest.raises(FormatError):
        read_plan_record(tmp_path)


def test_no_link_is_read_as_a_plan_or_an_ensemble(tmp_path: Path) -> None:
    plan, outside = tmp_path / "table", tmp_path / "outside"
    record = EnsembleRecord(("a-s0",), "softmax", "aa", {"val_accuracy": 0.5})
    write_plan_record(outside, PLAN)
    write_ensemble(ensemble_file(outside, "both-s0"), record)
    ensemble_file(plan, "both-s0").parent.mkdir(parents=True)
    (plan / FILE).symlink_to(outside / FILE)
    ensemble_file(plan, "both-s0").symlink_to(ensemble_file(outside, "both-s0"))
    assert not is_plan(plan) and read_ensembles(plan) == {}
    with pytest.raises(FormatError, match="is a link"):
        read_plan_record(plan)
    shutil.rmtree(plan / FOLDER)
    (plan / FOLDER).symlink_to(outside / FOLDER)
    assert read_ensembles(plan) == {} and read_ensembles(outside) == {"both-s0": record}
