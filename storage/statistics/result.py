"""The result of a run in a table: its value of one metric, or why it has none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from asgml.storage.format.metrics import METRICS
from asgml.storage.format.regression_metrics import SCORES
from asgml.storage.runs.protocols import fields_of
from asgml.storage.runs.record import RunRecord

FINISHED = "finished"
AT_BEST = "_at_best_val"
NO_VALUE = "no value"


@dataclass(frozen=True)
class Result:
    """What one run gives to a cell: a value, or NaN and the reason why there is none.

    `run`: name of its record. `protocol`: fields of its protocol; `digest`: their digest.
    """

    run: str
    value: float
    why: str = ""
    protocol: Mapping[str, Any] = field(default_factory=dict)
    digest: str | None = None

    @property
    def known(self) -> bool:
        return not self.why


def result_of(record: RunRecord, metric: str) -> Result:
    """Return what a run gives to a table about `metric`.

    Only a run that has finished has a result: the number of one that failed, was stopped or still
    trains would be that of another number of epochs.
    """
    if record.state != FINISHED:
        return Result(record.name, math.nan, record.state, fields_of(record), record.protocol)
    value = metric_value(record, metric)
    why = "" if math.isfinite(value) else NO_VALUE
    return Result(record.name, value, why, fields_of(record), record.protocol)


def metric_value(record: RunRecord, metric: str) -> float:
    """Return a run's value of a metric: at the epoch that validation chose, else its last one.

    NaN where it was not recorded. A column that holds a result so far counts with its last row.
    """
    observed = record.metrics.get(metric)
    last = observed.last if observed is not None and observed.last is not None else math.nan
    if metric.startswith("best_") or AT_BEST in metric:
        return last
    chosen = record.chosen.get(metric)
    return chosen if chosen is not None and math.isfinite(chosen) else last


def better_of(metric: str) -> str:
    """Return the end of a metric that is best, "high" or "low"; "" where none is, or unknown."""
    name = metric.partition("/")[0]
    return next((each.better for each in (*METRICS, *SCORES) if each.name == name), "")
