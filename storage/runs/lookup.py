"""The value of a run under a name: a fact, a label, a setting or a metric.

Filters, sorting and columns of a table all ask here, so a name means the same everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from asgml.storage.runs.record import Observed, RunRecord
from asgml.storage.runs.settings import group_digest

Value = float | str | bool | None

ALIASES = {
    "val": "chosen.val_accuracy",
    "test": "last.test_accuracy_at_best_val",
    "chosen_test_accuracy": "last.test_accuracy_at_best_val",
    "best_on_test": "last.best_on_test_accuracy",
    "gap": "last.utilization_gap",
}
"""Short names of what tables of runs are about."""

FACTS: dict[str, Callable[[RunRecord], Any]] = {
    "name": lambda run: run.name,
    "state": lambda run: run.state,
    "step": lambda run: run.step,
    "epoch": lambda run: run.epoch,
    "started": lambda run: run.started,
    "updated": lambda run: run.updated,
    "seconds": lambda run: run.seconds,
    "method": lambda run: run.method or None,
    "seed": lambda run: run.seed,
    "data": lambda run: run.data or None,
    "device": lambda run: run.device or None,
    "host": lambda run: run.host or None,
    "protocol": lambda run: run.protocol,
    "plan": lambda run: run.name.rpartition("/")[0] or None,
    "parent": lambda run: (run.parent or {}).get("run"),
    "title": lambda run: run.labels.title or None,
    "tags": lambda run: " ".join(run.labels.tags) or None,
    "note": lambda run: run.labels.note or None,
    "archived": lambda run: run.labels.archived,
    "group": lambda run: group_digest(run.settings) if run.settings else None,
}
"""What is known of every run, under the names of a table."""
TIMES = ("started", "updated")
"""The facts in unix seconds."""


def value_of(record: RunRecord, name: str) -> Value:
    """Return the value of a run under a name, None where it has none. NaN stays NaN.

    In this order: an alias; a fact; a setting in full (`optimizer.lr`); a metric; the end of a
    setting's name, where only one ends so (`lr`). A metric of validation is that of the chosen
    epoch, any other its last value; `last.`, `best.` and `chosen.` before the name say which.
    """
    name = ALIASES.get(name, name)
    if name in FACTS:
        return _plain(FACTS[name](record))
    if name in record.settings:
        return _plain(record.settings[name])
    which, dot, metric = name.partition(".")
    if dot and which in _WHICH:
        return _WHICH[which](record, metric)
    if name in record.metrics:
        return _metric(record, name)
    (key,) = endings(record, name) if len(endings(record, name)) == 1 else ("",)
    return _plain(record.settings[key]) if key else None


def endings(record: RunRecord, name: str) -> list[str]:
    """Return the settings whose dotted name ends in this one."""
    return [key for key in record.settings if key.endswith(f".{name}")]


def ambiguous(records: Iterable[RunRecord], name: str) -> list[str]:
    """Return the settings that a name may mean where there are several, [] where it is clear."""
    name = ALIASES.get(name, name)
    if name in FACTS or name.partition(".")[0] in _WHICH:
        return []  # without a look at any run's settings
    for record in records:
        known = name in record.settings or name in record.metrics
        if not known and len(found := endings(record, name)) > 1:
            return found
    return []


def is_metric(records: Iterable[RunRecord], name: str) -> bool:
    """Return True for the name of something that was measured in one of the runs."""
    column = _column(name)
    return name not in FACTS and any(column in record.metrics for record in records)


def better_end(records: Iterable[RunRecord], name: str) -> str:
    """Return which end of a metric is better, "high" or "low"; "" for anything else."""
    column = _column(name)
    for record in records:
        if column in record.metrics:
            return record.metrics[column].better
    return ""


def _column(name: str) -> str:
    """Return the column of a metric that may be an alias, or say which value is meant."""
    name = ALIASES.get(name, name)
    which, _, metric = name.partition(".")
    return metric if which in _WHICH else name


def _metric(record: RunRecord, column: str) -> float | None:
    if column.startswith("val_"):
        return _of_chosen(record, column)
    return record.metrics[column].last


def _of_chosen(record: RunRecord, column: str) -> float | None:
    return record.chosen.get(column)


def _observed(record: RunRecord, column: str) -> Observed | None:
    return record.metrics.get(column)


def _last(record: RunRecord, column: str) -> float | None:
    observed = _observed(record, column)
    return observed.last if observed else None


def _best(record: RunRecord, column: str) -> float | None:
    observed = _observed(record, column)
    return observed.best if observed else None


_WHICH: dict[str, Callable[[RunRecord, str], float | None]] = {
    "last": _last,
    "best": _best,
    "chosen": _of_chosen,
}


def _plain(value: Any) -> Value:
    """Return a value that can be compared and shown; a list as its items with commas."""
    if isinstance(value, (bool, str)) or value is None:
        return value
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return ", ".join(str(each) for each in value)
    return str(value)


def is_known(value: Value) -> bool:
    """Return True unless a value is None or NaN: nothing was measured."""
    return value is not None and not (isinstance(value, float) and math.isnan(value))
