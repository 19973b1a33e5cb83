"""What a report is made of: from names and folders to the tables of their plans and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asgml.app.errors import NotFoundError, UserError
from asgml.app.preferences import runs_directory
from asgml.app.reports.cells import Source
from asgml.app.reports.content import Part
from asgml.app.reports.gather import part_of
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunNotFoundError, is_run
from asgml.storage.format.user_path import expand_user, why
from asgml.storage.runs.ensemble_record import EnsembleRecord, ensemble_file, read_ensemble
from asgml.storage.runs.groups import RunGroup, group_records
from asgml.storage.runs.index import read_records
from asgml.storage.runs.plan_record import PlanRecord, is_plan, read_plan_record
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import differing
from asgml.storage.statistics.tables import table_of_groups, table_of_plan
from asgml.storage.statistics.words import DEFAULT

REGRESSION = "test_mae_at_best_val"


def find_folder(ref: str, runs: Path | None) -> Path:
    """Return the folder that a reference means: a path, a name in the runs, or a plan's file."""
    named = runs_directory(runs) / ref
    for folder in (expand_user(ref, NotFoundError), named):
        if folder.is_dir():
            if is_run(folder):
                raise UserError(f"{ref} is a single run: give a folder of runs, or `asgml show` it")
            return folder
    from asgml.app.plans.plan_file import read_plan

    folder = runs_directory(runs) / read_plan(ref).name
    if not folder.is_dir():
        raise NotFoundError(f"plan {ref} has no runs in {folder}; `asgml ablate {ref}` trains them")
    return folder


def parts_of(folder: Path, out: Path, metric: str, baseline: str) -> list[Part]:
    """Return the parts of a folder: its plan, or else its plans and its other runs by data set.

    `metric` and `baseline` may be "": that of the plan. Raise NotFoundError where there is none.
    """
    if is_plan(folder):
        return [_plan_part(folder, out, metric, baseline)]
    plans = sorted(path for path in folder.iterdir() if is_plan(path) and not path.is_symlink())
    parts = [_plan_part(path, out, metric, baseline) for path in plans]
    loose = [record for record in _records(folder) if record.path.parent == folder]
    parts += _loose_parts(folder, loose, out, metric, baseline)
    if not parts:
        raise NotFoundError(f"no runs in {folder}; `asgml ablate PLAN` or `asgml train` makes some")
    return parts


def _plan_part(folder: Path, out: Path, metric: str, baseline: str) -> Part:
    plan = _read_plan(folder)
    labels = [row.label for row in plan.rows]
    if baseline and baseline not in labels:
        raise UserError(f"baseline {baseline!r} is no row of {plan.name}: {', '.join(labels)}")
    given: dict[str, Any] = {"metric": metric or plan.metric, "baseline": baseline or plan.baseline}
    plan = PlanRecord(**{**vars(plan), **given})
    records = _records(folder, archived=True)
    ensembles = _ensembles(folder, plan)
    try:
        table = table_of_plan(plan, records, ensembles)
    except ValueError as error:
        raise UserError(f"{folder}/plan.json: {error}") from None
    source = Source(
        name=plan.name,
        data=plan.data,
        out=out,
        folder=folder,
        records={record.name: record for record in records},
        seeds=plan.seeds,
        tuned={row.label: row.tuned for row in plan.rows},
        declared={row.label: (*row.settings, *_keys(row.tuned)) for row in plan.rows},
        ensembles=ensembles,
        text=plan.source,
    )
    return part_of(table, source)


def _read_plan(folder: Path) -> PlanRecord:
    try:
        return read_plan_record(folder)
    except (FormatError, OSError) as error:
        raise UserError(
            f"{folder}: {why(error)}; `asgml ablate` writes its plan.json anew"
        ) from None


def _records(folder: Path, archived: bool = False) -> list[RunRecord]:
    try:
        return read_records(folder, archived=archived)
    except RunNotFoundError as error:
        raise NotFoundError(str(error)) from None


def _ensembles(folder: Path, plan: PlanRecord) -> dict[str, EnsembleRecord]:
    found = {cell.run: read_ensemble(ensemble_file(folder, cell.run)) for cell in plan.cells}
    return {name: record for name, record in found.items() if record is not None}


def _keys(tuned: Mapping[str, Any]) -> tuple[str, ...]:
    keys = tuned.get("keys")
    return tuple(map(str, keys)) if isinstance(keys, Mapping) else ()


def _loose_parts(
    folder: Path, records: Sequence[RunRecord], out: Path, metric: str, baseline: str
) -> list[Part]:
    """Return a part for each data set of the runs that belong to no plan."""
    by_data: dict[str, list[RunRecord]] = {}
    for record in reversed(records):  # the oldest first
        by_data.setdefault(record.data, []).append(record)
    return [
        _group_part(folder, data, by_data[data], out, metric, baseline) for data in sorted(by_data)
    ]


def _group_part(
    folder: Path, data: str, records: list[RunRecord], out: Path, metric: str, baseline: str
) -> Part:
    groups = group_records(records)
    names = [group.name for group in groups]
    if baseline and baseline not in names:
        raise UserError(f"baseline {baseline!r} is no group of {data}: {', '.join(names)}")
    chosen = metric or (REGRESSION if any(REGRESSION in r.metrics for r in records) else DEFAULT)
    table = table_of_groups(groups, chosen, baseline or _plain(groups), title=f"Runs on {data}")
    keys = differing([group.settings for group in groups])
    source = Source(
        name=folder.name,
        data=data,
        out=out,
        folder=folder,
        records={record.name: record for record in records},
        seeds=table.seeds,
        tuned={},
        declared={},
        ensembles={},
    )
    return _with_differences(part_of(table, source), keys)


def _plain(groups: Sequence[RunGroup]) -> str:
    """Return the name of the only group that no method balances, "" for none or several."""
    names = [group.name for group in groups if group.settings.get("method") == "baseline"]
    return names[0] if len(names) == 1 else ""


def _with_differences(part: Part, keys: Sequence[str]) -> Part:
    """Return the part with the settings of its rows cut to those that tell them apart."""
    from dataclasses import replace

    wanted = sorted(keys)
    cut = [{key: row.settings[key] for key in wanted if key in row.settings} for row in part.rows]
    rows = (replace(row, settings=own) for row, own in zip(part.rows, cut, strict=True))
    return replace(part, rows=tuple(rows))
