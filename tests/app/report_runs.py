"""The runs of a small plan, written without a trainer: values follow from row and seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from tiny import tiny_manifest, tiny_row

from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.storage.runs.plan_record import PlanCell, PlanRecord, PlanRow, write_plan_record
from asgml.storage.runs.settings import cell_digest, flatten
from asgml.storage.write.writer import RunWriter

STEPS, EPOCH_STEPS = 8, 2
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROTOCOL = {
    "data": "emotions",
    "sizes": {"train": 100, "val": 20, "test": 20},
    "epochs": 4,
    "inputs": {"audio": {"shape": [4]}, "visual": {"shape": [4]}},
    "network": {"encoder": {}},
    "digest": "7f3a00000000",
}


def write_run(
    root: Path,
    settings: Mapping[str, Any],
    seed: int,
    test: float,
    *,
    state: State = State.FINISHED,
    throttle: float = 1.0,
) -> dict[str, Any]:
    """Write one run whose test accuracy is `test`; return its configuration."""
    config = {
        "seed": seed,
        "batch_size": 64,
        "data": {"name": "/data/emotions.npz"},
        "eval": {"test": "end"},
        **settings,
    }
    paths = RunPaths(root)
    paths.root.mkdir(parents=True)
    paths.config.write_text(tomli_w.dumps(config), encoding="utf-8")
    manifest = dataclasses.replace(
        tiny_manifest(root.name),
        config=config,
        total_steps=STEPS,
        steps_per_epoch=EPOCH_STEPS,
        method=str(settings.get("method", "")),
        seed=seed,
        data={"name": "emotions", "protocol": PROTOCOL, "groups_shared": 0},
        versions={"asgml": "0.2.0", "python": "3.11"},
        git={"commit": COMMIT, "dirty": False},
    )
    writer = RunWriter.create(paths, manifest)
    started = {"pid": 1, "host": "here", "knobs": {}}
    writer.event(Event("started", 0, 1000.0, 0.0, 0, started))
    for step in range(1, STEPS + 1):
        writer.append("steps", _row(manifest, "steps", step, throttle))
        if step % EPOCH_STEPS == 0:
            writer.append("probes", tiny_row(manifest, "probes", step))
            writer.append("epochs", _epoch(manifest, step, test))
    writer.mark(step=STEPS, epoch=STEPS // EPOCH_STEPS - 1)
    writer.close(state)
    return config


def _row(manifest: Any, table: str, step: int, throttle: float) -> list[float]:
    columns = manifest.columns(table)
    row = dict(zip(columns, tiny_row(manifest, table, step), strict=True))
    for modality, factor in zip(manifest.modalities, (throttle, 1.0), strict=True):
        row[f"gain/{modality}"] = factor
        row[f"grad_norm_clean/{modality}"] = factor * row[f"grad_norm/{modality}"]
    return [row[column] for column in columns]


def _epoch(manifest: Any, step: int, test: float) -> list[float]:
    columns = manifest.columns("epochs")
    row = dict(zip(columns, tiny_row(manifest, "epochs", step), strict=True))
    last = step == STEPS
    row |= {"val_accuracy": test - 0.02 + step / 1000, "best_val_accuracy": test}
    row |= {"test_accuracy_at_best_val": test if last else float("nan")}
    row |= {"best_on_test_accuracy": test + 0.01 if last else float("nan")}
    row |= {"test_accuracy": test if last else float("nan")}
    return [row[column] for column in columns]


ROWS = (
    ("Baseline", {"method": "baseline"}, 0.60, 1.0),
    ("OGM-GE", {"method": "ogm_ge"}, 0.65, 0.5),
)


def write_plan(
    folder: Path,
    seeds: Sequence[int] = (0, 1, 2),
    rows: Sequence[tuple[str, Mapping[str, Any], float, float]] = ROWS,
    states: Mapping[str, State] | None = None,
    **changes: Any,
) -> PlanRecord:
    """Write a plan's folder: plan.json and the runs of all cells."""
    cells = []
    for number, (_, settings, mean, throttle) in enumerate(rows):
        for seed in seeds:
            name = f"row{number}-s{seed}"
            test = mean + seed / 100 + ((seed * 7 + number) % 3) / 500
            state = (states or {}).get(name, State.FINISHED)
            config = write_run(folder / name, settings, seed, test, state=state, throttle=throttle)
            cells.append(PlanCell(number, seed, name, cell_digest(flatten(config))))
    plan = PlanRecord(
        name=folder.name,
        title="A small plan",
        data="emotions",
        metric="test_accuracy_at_best_val",
        baseline=rows[0][0],
        seeds=tuple(seeds),
        rows=tuple(PlanRow(label, dict(settings)) for label, settings, _, _ in rows),
        cells=tuple(cells),
        source="title = 'A small plan'\n",
    )
    plan = dataclasses.replace(plan, **changes)
    write_plan_record(folder, plan)
    return plan
