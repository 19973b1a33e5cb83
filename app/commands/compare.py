"""`asgml compare`: runs and groups side by side: settings that differ, results, tests, curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asgml.app.commands.compare_chart import MOST, compare_chart
from asgml.app.commands.compare_output import comparison_to_json, print_results, print_settings
from asgml.app.commands.compare_subjects import Allowed, Selected, Selection, Subject
from asgml.app.commands.compare_watch import watch_comparison
from asgml.app.commands.plan_table import table_of_folder
from asgml.app.errors import OK, NotFoundError, UserError, narrate
from asgml.app.keys import nearest_of
from asgml.app.output import print_json
from asgml.app.preferences import runs_directory
from asgml.storage.format.layout import RunNotFoundError
from asgml.storage.runs.index import read_records
from asgml.storage.runs.lookup import ALIASES
from asgml.storage.runs.plan_record import read_plan_record
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import differing
from asgml.storage.runs.where import WhereError, parse_where
from asgml.storage.statistics.result_table import ResultTable
from asgml.storage.statistics.run_curves import Axis
from asgml.storage.statistics.tables import table_of_groups

TEST, VAL = "test_accuracy_at_best_val", "val_accuracy"


@dataclass(frozen=True)
class Comparison:
    """What the command line asks of a comparison."""

    refs: tuple[str, ...]
    metric: str | None = None
    by: Axis = "epoch"
    where: str | None = None
    grouped: bool = False
    baseline: str | None = None
    watch: bool = False
    ascii: bool = False


def compare(given: Comparison, runs: Path | None, json_: bool, charts: bool) -> int:
    """Print what differs between runs or groups, and what each reached; or open the screen."""
    if given.watch and json_:
        raise UserError("--watch and --json: a screen or JSON, not both")
    selected = _select(given, runs_directory(runs))
    subjects = selected.subjects
    metric, baseline = _metric(given.metric, subjects), _baseline(given.baseline, selected)
    if given.watch:
        folder = runs_directory(runs)
        return watch_comparison(subjects, baseline, metric, folder, ascii_=given.ascii)
    table = _table(selected, given, metric, baseline)
    keys = [key for key in differing([each.settings for each in subjects]) if key != "name"]
    if json_:
        print_json(comparison_to_json(table, subjects, keys))
        return OK
    print_settings(subjects, keys)
    print_results(table)
    if charts:
        _print_chart(subjects, _curve_of(metric), given.by)
    return OK


def comparison_record(given: Comparison, folder: Path, allowed: Allowed) -> dict[str, Any]:
    """Return what `compare --json` prints, of runs that are `allowed`. Raise UserError as it does.

    Raise NotFoundError for a plan of which a run is not.
    """
    selected = _select(given, folder, allowed)
    if selected.plan is not None and not all(map(allowed, read_records(selected.plan))):
        raise NotFoundError(f"a run of {selected.plan.name} lies elsewhere; name single runs")
    subjects = selected.subjects
    metric, baseline = _metric(given.metric, subjects), _baseline(given.baseline, selected)
    keys = [key for key in differing([each.settings for each in subjects]) if key != "name"]
    return comparison_to_json(_table(selected, given, metric, baseline), subjects, keys)


def _table(selected: Selected, given: Comparison, metric: str, baseline: str) -> ResultTable:
    """Return the table of results; of a plan the one that `ablate` and the report have too."""
    if selected.plan is None or given.where is not None:
        return table_of_groups(selected.subjects, metric, baseline)
    record = read_plan_record(selected.plan)
    asked = given.baseline or record.baseline
    metric = metric if given.metric is not None else record.metric
    return table_of_folder(selected.plan, replace(record, metric=metric, baseline=asked))


def _select(given: Comparison, folder: Path, allowed: Allowed = lambda record: True) -> Selected:
    if not given.refs and given.where is None:
        raise UserError("asgml compare: which runs? Give names, groups or plans, or --where")
    try:
        selection = Selection(folder, parse_where(given.where or "").matches, allowed)
    except WhereError as error:
        raise UserError(f"--where: {error}") from None
    except RunNotFoundError as error:
        raise NotFoundError(str(error)) from None
    selected = selection.select(given.refs, grouped=given.grouped)
    if not selected.subjects:
        raise NotFoundError(f"nothing to compare in {folder}: no run matches")
    return selected


def _metric(name: str | None, subjects: Sequence[Subject]) -> str:
    """Return the column that is compared: by default the test score that validation chose.

    Where no run has that yet, the validation accuracy. Raise UserError for an unknown name.
    """
    records = [record for each in subjects for record in each.records]
    if name is None:
        return TEST if any(_is_recorded(TEST, record) for record in records) else VAL
    column = ALIASES.get(name, name).removeprefix("last.").removeprefix("chosen.")
    known = dict.fromkeys(column for record in records for column in record.metrics)
    if column not in known:
        hint = nearest_of(column, list(known)) if known else "none has recorded a metric yet"
        raise UserError(f"--metric {name!r}: no such metric in these runs; {hint}")
    return column


def _is_recorded(column: str, record: RunRecord) -> bool:
    observed = record.metrics.get(column)
    return observed is not None and observed.last is not None and observed.last == observed.last


def _baseline(name: str | None, selected: Selected) -> str:
    """Return the name of the subject that the others are paired with: by default the first."""
    names = [each.name for each in selected.subjects]
    if name is not None and name not in names:
        raise UserError(f"--baseline {name!r} is none of those compared: {', '.join(names)[:200]}")
    return name or (selected.baseline if selected.baseline in names else names[0])


def _curve_of(metric: str) -> str:
    """Return the column whose curve belongs to a result: validation for a test score."""
    if metric == "best_on_test_accuracy":
        return "test_accuracy"
    return metric.replace("test_", "val_", 1).removesuffix("_at_best_val").removeprefix("best_")


def _print_chart(subjects: Sequence[Subject], column: str, axis: Axis) -> None:
    chart, missing = compare_chart(subjects, column, axis)
    if chart:
        print()
        print(chart)
    if len(subjects) > MOST:
        narrate(f"the chart shows the first {MOST} of {len(subjects)}")
    if missing:
        narrate(f"no curve {column} by {axis}: {', '.join(missing)[:200]}")
