"""Tables of results made from the records of runs: of a plan, and of groups."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from asgml.storage.format.errors import FormatError
from asgml.storage.runs.plan_record import (
    PlanCell,
    PlanRecord,
    PlanRow,
    is_plan,
    read_plan_record,
)
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import cell_digest
from asgml.storage.statistics.result import (
    FINISHED,
    NO_VALUE,
    Result,
    better_of,
    metric_value,
    result_of,
)
from asgml.storage.statistics.result_table import ResultTable, RowResults, make_table

STALE = "other settings"
ON_TEST = {
    "test_accuracy_at_best_val": "best_on_test_accuracy",
}
"""Test score of the chosen epoch → the best of any epoch, as the literature often reports it."""


class HasValues(Protocol):
    """What a plan's ensemble keeps: values by column, and the names of the runs it is made of."""

    @property
    def values(self) -> Mapping[str, float]: ...
    @property
    def members(self) -> Sequence[str]: ...
    @property
    def digest(self) -> str: ...


class HasRecords(Protocol):
    """A group: runs whose settings are equal but for the seed."""

    @property
    def name(self) -> str: ...
    @property
    def records(self) -> Sequence[RunRecord]: ...
    @property
    def settings(self) -> Mapping[str, Any]: ...


def table_of_plan(
    plan: PlanRecord,
    records: Sequence[RunRecord],
    ensembles: Mapping[str, HasValues] | None = None,
) -> ResultTable:
    """Return the table of a plan, one row for each of its rows.

    `records`: those of the plan's folder. `ensembles`: by the name of their cell. A run whose
    settings are not those that the cell asks for has no value: its cell is marked.
    """
    by_name = {Path(record.name).name: record for record in records}
    rows = [
        _plan_row(plan, number, row, by_name, ensembles or {})
        for number, row in enumerate(plan.rows)
    ]
    baseline = plan.baseline if any(row.label == plan.baseline for row in plan.rows) else ""
    return make_table(plan.title, plan.metric, better_of(plan.metric), baseline, rows)


def _plan_row(
    plan: PlanRecord,
    number: int,
    row: PlanRow,
    records: Mapping[str, RunRecord],
    ensembles: Mapping[str, HasValues],
) -> RowResults:
    cells = [cell for cell in plan.cells if cell.row == number]
    results: dict[int, Result] = {}
    tested: list[float] = []
    for cell in cells:
        record = records.get(cell.run)
        if cell.run in ensembles:
            results[cell.seed] = _of_ensemble(plan, cell, ensembles[cell.run], records)
        elif record is not None:
            results[cell.seed] = _of_run(plan, cell, record)
            tested += _on_test(plan.metric, record) if results[cell.seed].known else []
    asked = tuple(cell.seed for cell in cells)
    return RowResults(row.label, row.settings, results, asked, declared_by(row), tested)


def declared_by(row: PlanRow) -> set[str]:
    """Return the settings that are a row's own: those that it sets, and those tuned for it."""
    return {*row.settings, *_table(row.tuned.get("keys"))}


def _of_run(plan: PlanRecord, cell: PlanCell, record: RunRecord) -> Result:
    if record.settings and cell_digest(record.settings) != cell.digest:
        return Result(record.name, math.nan, STALE)
    return result_of(record, plan.metric)


def _of_ensemble(
    plan: PlanRecord, cell: PlanCell, ensemble: HasValues, records: Mapping[str, RunRecord]
) -> Result:
    """Return the value of an ensemble, with the protocol of its first member."""
    if ensemble.digest != cell.digest:
        return Result(cell.run, math.nan, STALE)
    member = next((records[name] for name in ensemble.members if name in records), None)
    protocol = result_of(member, plan.metric).protocol if member is not None else {}
    value = ensemble.values.get(plan.metric, math.nan)
    why = "" if math.isfinite(value) else NO_VALUE
    return Result(cell.run, value, why, protocol)


def table_of_groups(
    groups: Sequence[HasRecords], metric: str, baseline: str = "", *, title: str = ""
) -> ResultTable:
    """Return the table of groups, each paired with the group called `baseline`; "" for none.

    Of several runs of a group with one seed the newest that has finished counts. What a plan's row
    declares as its own is so here too, where the runs of the group are that row's.
    """
    plans = _Plans()
    rows = [_group_row(group, metric, plans.declared(group.records)) for group in groups]
    return make_table(title, metric, better_of(metric), baseline, rows)


def declared_settings(records: Sequence[RunRecord]) -> set[str]:
    """Return the settings that a plan declares as the own of the row of these runs."""
    return _Plans().declared(records)


class _Plans:
    """The plans whose folders runs lie in, each read once."""

    def __init__(self) -> None:
        self._read: dict[Path, PlanRecord | None] = {}

    def declared(self, records: Sequence[RunRecord]) -> set[str]:
        """Return what the plan's row of these runs declares as its own; nothing outside a plan."""
        found = [self._row_of(record.path) for record in records]
        rows = [row for row in found if row is not None]
        return declared_by(rows[0]) if rows and rows == [rows[0]] * len(found) else set()

    def _row_of(self, run: Path) -> PlanRow | None:
        plan = self._plan_in(run.parent)
        cells = plan.cells if plan is not None else ()
        number = next((cell.row for cell in cells if cell.run == run.name), None)
        return plan.rows[number] if plan is not None and number is not None else None

    def _plan_in(self, folder: Path) -> PlanRecord | None:
        if folder not in self._read:
            try:
                self._read[folder] = read_plan_record(folder) if is_plan(folder) else None
            except (FormatError, OSError):  # a damaged plan declares nothing
                self._read[folder] = None
        return self._read[folder]


def _group_row(group: HasRecords, metric: str, declared: set[str]) -> RowResults:
    records = _by_seed(group)
    results = {seed: result_of(record, metric) for seed, record in records.items()}
    tested = [value for record in records.values() for value in _on_test(metric, record)]
    return RowResults(group.name, group.settings, results, declared=declared, on_test=tested)


def _by_seed(group: HasRecords) -> dict[int, RunRecord]:
    """Return seed → run, the newest finished one, else the newest; runs without a seed left out."""
    known = [record for record in group.records if record.seed is not None]
    in_order = sorted(known, key=lambda r: (r.state == FINISHED, r.started or 0.0))
    return {record.seed: record for record in in_order if record.seed is not None}


def _on_test(metric: str, record: RunRecord) -> list[float]:
    value = metric_value(record, ON_TEST[metric]) if metric in ON_TEST else math.nan
    return [value] if record.state == FINISHED and math.isfinite(value) else []


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
