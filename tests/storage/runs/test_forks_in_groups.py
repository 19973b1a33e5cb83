"""A fork is no further seed of its parent's group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asgml.storage.runs.groups import group_records
from asgml.storage.runs.record import RunRecord


def record(name: str, seed: int, **facts: Any) -> RunRecord:
    settings = {"method": "boost", "seed": seed}
    return RunRecord(Path("/runs") / name, name, "finished", settings, {}, {}, seed=seed, **facts)


def test_a_fork_stands_alone() -> None:
    """It has its parent's settings and seed; a mean would count their beginning twice."""
    runs = [record("a-s0", 0), record("a-s1", 1)]
    fork = record("a-s0-fork-01", 0, parent={"run": "a-s0", "path": "/runs/a-s0", "step": 40})
    groups = group_records([*runs, fork])
    assert [[each.name for each in group.records] for group in groups] == [
        ["a-s0", "a-s1"],
        ["a-s0-fork-01"],
    ]
