"""From the runs of a comparison to its subjects, their differences and the table of statistics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from asgml.tui.scene.comparison import ComparedRun, Comparison, Subject
from asgml.tui.scene.comparison_builder import (
    Places,
    drawn,
    shared_panels,
    should_group,
    subjects_of_groups,
    subjects_of_runs,
)

if TYPE_CHECKING:
    from asgml.storage.runs.groups import RunGroup
    from asgml.storage.runs.record import RunRecord
    from asgml.storage.statistics.result_table import ResultTable

_METRICS = ("test_accuracy_at_best_val", "val_accuracy", "val_loss")
"""What the table is about: the first one that any run has a value of."""
_NOT_TOLD = ("name", "seed", "references")
"""Settings that differ from run to run and tell nothing."""


class Arrangement:
    """How the runs are put together: each alone or in groups, and what they are measured against.

    Until the user has chosen between runs and groups, what tells more is shown. `metric` is what
    the table is about, None for the first one that the runs have.
    """

    def __init__(self, metric: str | None = None) -> None:
        self._metric = metric
        self._grouped: bool | None = None
        self._baseline = 0
        self._places = {True: Places(), False: Places()}
        self._showed_groups = False
        self._tables: tuple[object, ResultTable | None] = ((), None)

    @property
    def chosen(self) -> tuple[object, ...]:
        """Facts that differ when the arrangement does."""
        return (self._grouped, self._baseline)

    def flip_groups(self) -> None:
        self._grouped = not self._showed_groups
        self._baseline = 0

    def next_baseline(self) -> None:
        self._baseline += 1

    def comparison(
        self, runs: Sequence[ComparedRun], problems: tuple[str, ...], unread: int
    ) -> Comparison:
        """Return the comparison of these runs."""
        from asgml.storage.runs.groups import group_records
        from asgml.storage.runs.settings import NEUTRAL, differing, without

        groups = group_records([run.record for run in runs])
        grouped = should_group(groups) if self._grouped is None else self._grouped
        self._showed_groups = grouped
        subjects, groups = self._subjects(runs, groups, grouped)
        shown = drawn(subjects)
        # scipy and the statistics wait until the charts are there
        table = self._table(groups) if runs and not unread else None
        return Comparison(
            tuple(marked(shown, table)),
            shared_panels(shown),
            tuple(differing([without(each.settings, (*NEUTRAL, *_NOT_TOLD)) for each in shown])),
            problems,
            table,
            grouped,
            len(subjects) - len(shown),
            unread,
        )

    def _subjects(
        self, runs: Sequence[ComparedRun], groups: list[RunGroup], grouped: bool
    ) -> tuple[list[Subject], list[RunGroup]]:
        """Return the subjects, and a group for the table's row of each of them."""
        from asgml.storage.runs.groups import RunGroup

        places = self._places[grouped]
        if grouped:
            return subjects_of_groups(groups, runs, places, _key), groups
        each = [RunGroup(run.record.name, (run.record,), run.record.settings) for run in runs]
        return subjects_of_runs(runs, places), each

    def _table(self, groups: Sequence[RunGroup]) -> ResultTable | None:
        """Return the table of statistics, kept until a record changes."""
        made_of = (self._baseline, [(group.name, group.records) for group in groups])
        if self._tables[0] != made_of:
            self._tables = (
                made_of,
                _table_against(groups, self._baseline % len(groups), self._metric),
            )
        return self._tables[1]


def marked(subjects: Sequence[Subject], table: ResultTable | None) -> list[Subject]:
    """Return the subjects with what keeps their numbers from being compared."""
    rows = {row.label: row.mark for row in table.rows} if table is not None else {}
    return [replace(subject, mark=rows.get(subject.name, "")) for subject in subjects]


def _table_against(groups: Sequence[RunGroup], baseline: int, metric: str | None) -> ResultTable:
    from asgml.storage.statistics.tables import table_of_groups

    known = metric or metric_of([record for group in groups for record in group.records])
    return table_of_groups(groups, known, groups[baseline].name)


def metric_of(records: Sequence[RunRecord]) -> str:
    """Return the metric that a table of these runs is about."""
    from asgml.storage.statistics.result import metric_value

    def has_value(metric: str) -> bool:
        return any(math.isfinite(metric_value(record, metric)) for record in records)

    return next((metric for metric in _METRICS if has_value(metric)), _METRICS[0])


def _key(group: RunGroup) -> object:
    from asgml.storage.runs.settings import group_digest

    first = group.records[0]
    return (group_digest(first.settings), first.protocol) if first.settings else first.path
