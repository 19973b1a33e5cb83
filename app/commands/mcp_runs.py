"""The tools of `asgml mcp` that read many runs: their table, comparisons, the methods."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from asgml.app.commands.compare import Comparison, comparison_record
from asgml.app.commands.methods import method_records
from asgml.app.commands.run_groups import group_json, groups_of
from asgml.app.commands.run_query import RunQuery, select
from asgml.app.errors import NotFoundError
from asgml.app.mcp.answers import answer
from asgml.app.mcp.folder import Folder
from asgml.app.mcp.tools import READS, Tool
from asgml.storage.format.layout import RunNotFoundError
from asgml.storage.runs.index import read_records
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.trials import without_trials

VALUES = ("val_accuracy", "test_accuracy_at_best_val", "utilization_gap", "loss")
"""Metrics of a run's line; show_run has all."""
FACTS = ("step", "total_steps", "epoch", "total_epochs", "data", "method", "seed", "started")


class ManyRuns:
    """The tools that read a folder of runs."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def tools(self) -> list[Tool]:
        return [(tool, READS) for tool in (self.list_runs, self.compare_runs, self.show_methods)]

    def list_runs(
        self,
        where: Annotated[
            str, Field(description="such as 'method=boost and val>0.7'", max_length=1000)
        ] = "",
        sort: Annotated[
            str, Field(description="a metric, setting or fact; -NAME from large", max_length=200)
        ] = "",
        group: Annotated[bool, Field(description="runs that differ in the seed alone as one")] = (
            False
        ),
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
        archived: bool = False,
    ) -> dict[str, Any]:
        """List the runs of the folder, those of plans included, the newest first.

        Names in `where` and `sort`: settings (optimizer.lr), metrics (val, test, gap, or in full),
        and name, state, epoch, seed, tags, started, seconds, protocol, plan.
        """
        query = RunQuery(where=(where,) if where.strip() else (), sort=sort.strip(), limit=limit)
        try:
            found = read_records(self._folder.path, archived=archived)
        except RunNotFoundError as error:
            raise NotFoundError(str(error)) from None
        inside = [record for record in found if self._folder.holds(record.path)]
        chosen = select(without_trials(inside), query)
        if group:
            groups = groups_of(chosen, query)
            return answer(
                groups=[group_json(one, VALUES) for one in groups[:limit]], of=len(groups)
            )
        return answer(runs=[_line(record) for record in chosen[:limit]], of=len(chosen))

    def compare_runs(
        self,
        runs: Annotated[
            list[str],
            Field(description="names of runs, groups or plans", min_length=1, max_length=50),
        ],
        metric: Annotated[str | None, Field(description="default: test accuracy")] = None,
        group: bool = False,
        baseline: str | None = None,
    ) -> dict[str, Any]:
        """Compare runs or groups: settings that differ, mean and interval, paired tests.

        Accuracies of another protocol are marked and never paired.
        """
        for name in runs:
            self._folder.check(name)
        given = Comparison(tuple(runs), metric, grouped=group, baseline=baseline)
        return answer(
            comparison=comparison_record(
                given, self._folder.path, lambda record: self._folder.holds(record.path)
            )
        )

    def show_methods(
        self, name: Annotated[str, Field(description="one method in full; all in short")] = ""
    ) -> dict[str, Any]:
        """List the balancing methods, or describe one: formula, source, needs, knobs."""
        records = method_records(name or None)
        if name:
            return answer(method=records[0])
        short = ("method", "axis", "summary", "needs")
        return answer(methods=[{key: record[key] for key in short} for record in records])


def _line(record: RunRecord) -> dict[str, Any]:
    """Return what tells one run from the others."""
    metrics = record.summary.get("metrics", {})
    values = {name: metrics[name]["last"] for name in VALUES if name in metrics}
    facts = {key: record.summary.get(key) for key in FACTS}
    labels = {"title": record.labels.title, "tags": list(record.labels.tags)}
    return {"name": record.name, "state": record.state, **facts, **labels, "last": values}
