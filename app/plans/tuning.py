"""Tuning: each row tries values with the same budget, and validation alone chooses among them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from asgml.app.plans.cells import Cell, ResolvedPlan
from asgml.app.plans.plan_schema import Tune
from asgml.app.plans.proposals import Proposals, make_proposals
from asgml.app.plans.row_settings import RowSettings, Tuned, settings_digest
from asgml.app.plans.tuned_rows import TunedRow, tuned_rows
from asgml.core.config.run_settings import RunSettings
from asgml.storage.runs.plan_record import PlanRow
from asgml.storage.runs.trials import trial_name

TRIAL = ": trial "
Train = Callable[[ResolvedPlan], Mapping[str, float]]
"""Trains a plan; returns its metric by the runs' planned names, NaN for one that failed."""


@dataclass
class _Search:
    """The search of one row: what proposes values, and what was tried with which result."""

    row: TunedRow
    proposals: Proposals
    tried: list[tuple[Mapping[str, Any], float]] = field(default_factory=list)

    @property
    def best(self) -> tuple[Mapping[str, Any], float] | None:
        """Return the values with the best mean result, the first of equals; None without any."""
        known = [one for one in self.tried if not math.isnan(one[1])]
        return max(known, key=lambda one: one[1], default=None)


def tune(rows: RowSettings, train: Train) -> dict[str, Tuned]:
    """Return what tuning chooses for each row, by label, with the record of its budget.

    Trials are ordinary runs, trained with the tuning's own seeds; those that are finished are found
    again, so that a tuning that was killed goes on. A row of which no trial came to a result is
    left out: it keeps its own settings. Raise UserError.
    """
    tune = rows.plan.tune
    if tune is None:
        return {}
    searches = [
        _Search(row, make_proposals(row.spaces, tune, f"plan {rows.plan.name}: tune"))
        for row in tuned_rows(rows)
    ]
    while _round(rows, tune, searches, train):
        pass
    return {search.row.variant.label: _result(search, tune) for search in searches if search.best}


def _round(rows: RowSettings, tune: Tune, searches: list[_Search], train: Train) -> bool:
    """Train the next trials of all rows together; return False where nothing is left to try."""
    asked = [(search, values) for search in searches for values in search.proposals.ask()]
    if not asked:
        return False
    trials = _Trials(rows, tune)
    cells = [trials.add(search, values) for search, values in asked]
    results = train(trials.plan())
    sign = -1.0 if trials.by_error else 1.0
    for (search, values), runs in zip(asked, cells, strict=True):
        scores = [sign * results.get(run, math.nan) for run in runs]
        score = sum(scores) / len(scores)
        search.tried.append((values, score))
        search.proposals.tell(values, score)
    return True


def trials_of(trials: ResolvedPlan, labels: Collection[str]) -> frozenset[str]:
    """Return the names of the runs that are trials of the rows with these labels."""
    mine = (cell for cell in trials.cells if cell.label.rpartition(TRIAL)[0] in labels)
    return frozenset(cell.run for cell in mine)


class _Trials:
    """The trials of a round as a plan: a row for each, with the tuning's seeds."""

    def __init__(self, rows: RowSettings, tune: Tune) -> None:
        self.rows, self.tune = rows, tune
        self.by_error = False
        self._rows: list[PlanRow] = []
        self._cells: list[Cell] = []
        self._runs: dict[str, str] = {}  # digest -> run
        self._counts: dict[str, int] = {}

    def add(self, search: _Search, values: Mapping[str, Any]) -> list[str]:
        """Add a trial; return the names of its runs."""
        variant, name = search.row.variant, search.row.slug
        number = self._counts[name] = self._counts.get(name, len(search.tried)) + 1
        settings = without_test(self.rows.settings_of(variant, values))
        self.by_error = _is_regression(settings)
        label = f"{variant.label}{TRIAL}{number}"
        self._rows.append(PlanRow(label, dict(values)))
        names = []
        for seed in self.tune.seeds:
            one = settings.model_copy(update={"seed": seed})
            digest = settings_digest(one)
            run = self._runs.setdefault(digest, trial_name(name, number, seed))
            self._cells.append(Cell(len(self._rows) - 1, label, seed, run, one, digest))
            names.append(run)
        return names

    def plan(self) -> ResolvedPlan:
        """Return the plan of all trials that were added."""
        plan = self.rows.plan
        return ResolvedPlan(
            name=plan.name,
            title=f"{plan.title}: tuning",
            data=self.rows.data,
            metric="val_mae" if self.by_error else "val_accuracy",
            baseline="",
            seeds=self.tune.seeds,
            rows=tuple(self._rows),
            cells=tuple(self._cells),
            source=plan.source,
        )


def without_test(settings: RunSettings) -> RunSettings:
    """Return the settings of a run that never reads the test split: it is for choosing only."""
    return settings.model_copy(update={"eval": settings.eval.model_copy(update={"test": "never"})})


def _is_regression(settings: RunSettings) -> bool:
    return bool(settings.data.options.get("task") == "regression")


def _result(search: _Search, tune: Tune) -> Tuned:
    assert search.best is not None
    values, score = search.best
    record = {
        "trials": len(search.tried),
        "seeds": list(tune.seeds),
        "sampler": tune.sampler,
        "keys": {space.key: space.text() for space in search.row.spaces},
        "chosen": dict(values),
        "val": abs(score),
        "tried": [
            {"values": dict(tried), "val": None if math.isnan(one) else abs(one)}
            for tried, one in search.tried
        ],
    }
    return Tuned(values, record)
