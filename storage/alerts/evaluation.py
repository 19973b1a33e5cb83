"""The evaluation of alert rules over the rows of a run, as they are recorded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asgml.storage.alerts.clear_gap import ClearGap
from asgml.storage.alerts.conditions import Condition, make_condition
from asgml.storage.alerts.rules import OF_THE_STATE, Rule
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import Metric
from asgml.storage.format.value_text import number

Rows = npt.NDArray[np.float64]
WATCHED = ("loss", "grad_norm")
"""Metrics whose NaN or infinity is told where a rule names none."""
MOST_TOLD = 20
"""Times that one rule fires on one column; a value that swings would fill the list for nothing."""
_ROWS_ARE = {"steps": "steps", "probes": "probe evaluations", "epochs": "epochs"}


@dataclass(frozen=True)
class Finding:
    """A rule that fired at a step, or with `over` one whose condition holds no more."""

    rule: Rule
    step: int
    column: str
    value: float
    message: str
    over: bool = False


class _Watched:
    """A rule on one column, with what its condition has seen."""

    def __init__(
        self, rule: Rule, metric: Metric, column: str, index: int, clear: ClearGap | None
    ) -> None:
        self.rule, self.column, self.index = rule, column, index
        self.table = metric.table
        self._condition: Condition = make_condition(rule, metric.better)
        self._clear = clear
        self._fired = False
        self._times = 0

    def findings(self, rows: Rows) -> Iterable[tuple[int, Finding]]:
        """Return (row, finding) of these rows."""
        # a list: for the few rows of a usual batch, numpy's functions cost more than they do
        values = rows[:, self.index].tolist()
        if self.rule.kind == "nan" and (self._fired or all(map(math.isfinite, values))):
            return ()
        return self._judged(rows, values)

    def _judged(self, rows: Rows, values: list[float]) -> Iterator[tuple[int, Finding]]:
        for row, value in enumerate(values):
            # a row without the metric has NaN in its column
            if self.rule.kind != "nan" and math.isnan(value):
                continue
            # a gap within its own error is none, however wide
            counts = self._clear is None or self._clear(rows[row].tolist())
            if self._condition.holds(value if counts else -math.inf) != self._fired:
                self._fired = not self._fired
                self._times += self._fired
                if self._times <= MOST_TOLD:
                    yield row, self._finding(_whole(float(rows[row, 0])), value)

    def _finding(self, step: int, value: float) -> Finding:
        if not self._fired:
            message = f"{self.rule.name} is over: {self.column} is {number(value)}"
            return Finding(self.rule, step, self.column, value, message, over=True)
        text = self._condition.text(self.column, value, _ROWS_ARE.get(self.table, "rows"))
        last = "; told no more in this run" if self._times == MOST_TOLD else ""
        return Finding(self.rule, step, self.column, value, f"{text} at step {step}{last}")


class Evaluation:
    """The rules of a run on its columns. Findings are the same for any division of the rows.

    `unmatched` are the rules whose metric the run does not record.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        metrics: Sequence[Metric],
        columns: Mapping[str, Sequence[str]],
        manifest: Manifest | None = None,
    ) -> None:
        """`columns` are the names of each table's columns, axes first, `metrics` describe them.

        With the run's `manifest` a rule of the probes' gap holds for clear gaps alone.
        """
        self._watched: dict[str, list[_Watched]] = {}
        self.unmatched: list[Rule] = []
        for rule in rules:
            found = list(_columns_of(rule, metrics, columns))
            for metric, column in found:
                index = list(columns[metric.table]).index(column)
                clear = None
                if rule.kind == "probe_gap" and manifest is not None:
                    clear = ClearGap(manifest, columns[metric.table])
                watched = _Watched(rule, metric, column, index, clear)
                self._watched.setdefault(metric.table, []).append(watched)
            if not found and rule.kind not in OF_THE_STATE:
                self.unmatched.append(rule)

    def add(self, table: str, rows: Rows) -> list[Finding]:
        """Return what the next rows of a table give, in the order of the rows."""
        found = [
            each for watched in self._watched.get(table, ()) for each in watched.findings(rows)
        ]
        return [finding for _, finding in sorted(found, key=lambda each: each[0])]


def _columns_of(
    rule: Rule, metrics: Sequence[Metric], columns: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Metric, str]]:
    """Yield each column that a rule is about, with its metric."""
    if rule.kind in OF_THE_STATE:
        return
    for metric in metrics:
        for column in columns.get(metric.table, ()):
            if column.partition("/")[0] == metric.name and _is_meant(rule, metric, column):
                yield metric, column


def _is_meant(rule: Rule, metric: Metric, column: str) -> bool:
    if rule.metric:
        return rule.metric in (metric.name, column)
    return metric.table == "steps" and metric.name in WATCHED


def _whole(step: float) -> int:
    return int(step) if math.isfinite(step) else 0
