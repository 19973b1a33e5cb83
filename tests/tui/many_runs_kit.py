"""The kit of the tests of many runs: records without files, and small runs with settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from course import make_manifest

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.storage.runs.labels import NO_LABELS
from asgml.storage.runs.plan_record import PlanCell, PlanRecord, PlanRow, write_plan_record
from asgml.storage.runs.record import Observed, RunLabels, RunRecord
from asgml.storage.runs.settings import cell_digest
from asgml.storage.write.writer import RunWriter

BASE = {"method": "boost", "epochs": 10, "batch_size": 64, "optimizer.lr": 0.001, "data.name": "x"}
STARTED = 1_790_000_000.0


def record(
    name: str,
    *,
    seed: int = 0,
    val: float = math.nan,
    state: str = "finished",
    labels: RunLabels = NO_LABELS,
    protocol: str = "7f3a",
    seconds: float | None = 100.0,
    step: int | None = 1000,
    **settings: Any,
) -> RunRecord:
    """Return a record of a run that is nowhere on disk; `settings` with __ for a dot."""
    given = {key.replace("__", "."): value for key, value in settings.items()}
    test = Observed(val - 0.01, val - 0.01, 1, "high", "epochs")
    return RunRecord(
        Path("/runs") / name,
        name,
        state,
        {**BASE, **given, "seed": seed},
        {} if math.isnan(val) else {"test_accuracy_at_best_val": test},
        {} if math.isnan(val) else {"val_accuracy": val},
        step=step,
        epoch=9,
        total_steps=1000,
        total_epochs=10,
        started=STARTED,
        updated=STARTED,
        seconds=seconds,
        method=str(given.get("method", "boost")),
        seed=seed,
        data="x",
        protocol=protocol,
        labels=labels,
    )


def small_run(
    folder: Path, name: str, *, val: float = 0.5, seed: int = 0, state: State = State.FINISHED,
    settings: Mapping[str, Any] | None = None, steps: int = 30,
) -> RunPaths:  # fmt: skip
    """Write a run of one epoch whose validation accuracy is `val`."""
    paths = RunPaths(folder / name)
    paths.commands.mkdir(parents=True)
    config = nested({**BASE, **(settings or {}), "seed": seed})
    paths.config.write_text(f"seed = {seed}\n")
    manifest = replace(make_manifest(name, total=steps), config=config, seed=seed)
    manifest = replace(manifest, method=str(config["method"]), host="elsewhere")
    writer = RunWriter.create(paths, manifest)
    values = {
        "step": steps, "wall_time": STARTED, "active_time": 60.0, "segment": 0,
        "val_accuracy": val, "best_val_accuracy": val, "test_accuracy_at_best_val": val - 0.01,
    }  # fmt: skip
    names = manifest.columns("epochs")
    writer.append("epochs", [values.get(column, math.nan) for column in names])
    writer.mark(state, steps, 0)
    writer.close(state)
    return paths


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted keys as nested tables."""
    tree: dict[str, Any] = {}
    for key, value in settings.items():
        *sections, leaf = key.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[leaf] = value
    return tree


def make_plan(folder: Path, alphas: tuple[float, ...], seeds: tuple[int, ...]) -> PlanRecord:
    """Write the record of a plan with a row for each alpha, and return it."""
    cells = tuple(
        PlanCell(row, seed, f"a{row}-s{seed}", cell_digest(cell_settings(alpha, seed)))
        for row, alpha in enumerate(alphas)
        for seed in seeds
    )
    rows = tuple(PlanRow(f"alpha {alpha:g}", {"boost.alpha": alpha}) for alpha in alphas)
    metric = "test_accuracy_at_best_val"
    plan = PlanRecord(folder.name, "Alpha", "x", metric, "", seeds, rows, cells)
    write_plan_record(folder, plan)
    return plan


def cell_settings(alpha: float, seed: int) -> dict[str, Any]:
    return {**BASE, "boost.alpha": alpha, "seed": seed}
