"""Plans for the tests of the scheduler: small networks on the built-in data, a few steps each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asgml.app.plans.cells import Cell, ResolvedPlan
from asgml.app.plans.plan_runs import settings_digest
from asgml.core.config.run_config import make_config
from asgml.core.config.run_settings import RunSettings
from asgml.storage.runs.plan_record import PlanRow

SMALL = {
    "data": {"name": "synthetic"},
    "encoder": "mlp",
    "epochs": 2,
    "batch_size": 128,
    "device": "cpu",
    "method": "baseline",
    "threads": 1,
}


def small_settings(**given: Any) -> RunSettings:
    """Return the settings of a run of a few steps."""
    return make_config(SMALL | given)


def small_plan(
    rows: Mapping[str, Mapping[str, Any]], seeds: Sequence[int] = (0,), **given: Any
) -> ResolvedPlan:
    """Return a plan of these rows; `references` and `ensemble` of a row name other rows."""
    cells = [
        _cell(number, label, dict(rows[label]), seed, rows, given)
        for number, label in enumerate(rows)
        for seed in seeds
    ]
    return ResolvedPlan(
        name="small",
        title="A small plan",
        data="synthetic",
        metric="test_accuracy_at_best_val",
        baseline=next(iter(rows)),
        seeds=tuple(seeds),
        rows=tuple(PlanRow(label, dict(own)) for label, own in rows.items()),
        cells=tuple(cells),
    )


def _cell(
    number: int,
    label: str,
    own: dict[str, Any],
    seed: int,
    rows: Mapping[str, Any],
    given: Mapping[str, Any],
) -> Cell:
    name = f"{label}-s{seed}"
    members = tuple(f"{one}-s{seed}" for one in own.pop("ensemble", ()))
    if members:
        first = rows[members[0].rpartition("-s")[0]]
        settings = small_settings(**{**given, **first}, seed=seed)
        digest = "ensemble of " + " and ".join(members)
        return Cell(number, label, seed, name, settings, digest, members, members)
    references = {m: f"{row}-s{seed}" for m, row in own.pop("references", {}).items()}
    settings = small_settings(**{**given, **own}, seed=seed, references=references)
    return Cell(
        number, label, seed, name, settings, settings_digest(settings), tuple(references.values())
    )
