"""`asgml runs`: the runs in the runs directory, the newest first."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

from asgml.app.errors import narrate
from asgml.app.event_text import number
from asgml.app.output import print_json
from asgml.app.settings import runs_directory
from asgml.app.text import visible
from asgml.storage.format.layout import RunPaths, list_runs

SHOWN = {"val_accuracy": "val", "test_accuracy_at_best_val": "test", "utilization_gap": "gap"}
"""Metric → heading, of those that tell runs apart on a line."""
WIDE = 100
STYLES = {
    "running": "green",
    "paused": "yellow",
    "failed": "red",
    "crashed": "red",
    "stale": "yellow",
    "finished": "blue",
}


def runs(runs: Path | None, json_: bool) -> int:
    """Prints a line for each run; as JSON everything that `show --json` has."""
    folder = runs_directory(runs)
    found = list_runs(folder)
    if json_:
        print_json([record(paths) for paths in found])
    elif found:
        _print_table([record(paths) for paths in found])
    else:
        narrate(f"no runs in {folder}; start one with `asgml train`")
    return 0


def record(paths: RunPaths) -> dict[str, Any]:
    """The summary of a run; of a run that cannot be read, its name and the reason."""
    from asgml.app.errors import UserError
    from asgml.app.lookup import open_run
    from asgml.app.summary import summarize

    try:
        return summarize(open_run(paths))
    except UserError as error:
        return {
            "path": str(paths.root),
            "name": paths.name,
            "state": "unreadable",
            "problems": [str(error)],
        }


def _print_table(records: list[dict[str, Any]]) -> None:
    """One line for each run; a narrow terminal shows epochs but no steps."""
    from rich.table import Column, Table
    from rich.text import Text

    from asgml.app.output import console

    out = console()
    wide = out.width >= WIDE
    headings = ["epoch", *(["step"] if wide else []), *SHOWN.values(), "started"]
    table = Table(
        *(Column(name, no_wrap=True) for name in ("run", "state", *headings)),
        box=None,
        pad_edge=False,
    )
    for one in records:
        metrics = one.get("metrics", {})
        cells = [of_total(epoch_in_words(one), one.get("total_epochs"))]
        cells += [of_total(one.get("step"), one.get("total_steps"))] if wide else []
        cells += [*(last_in_words(metrics.get(name)) for name in SHOWN), _when(one.get("started"))]
        state = Text(one["state"], STYLES.get(one["state"], ""))
        table.add_row(Text(visible(one["name"])), state, *(Text(cell) for cell in cells))
    out.print(table)


def _when(started: str | None) -> str:
    """The time of today's runs, the date of others."""
    if started is None:
        return "–"
    date, _, clock = started.partition("T")
    return clock[:5] if date == datetime.date.today().isoformat() else date


def of_total(done: int | None, total: int | None) -> str:
    """`3/50`, `3` where the total is not known, `–` where nothing is."""
    if done is None:
        return "–"
    return f"{done}/{total}" if total else str(done)


def epoch_in_words(one: dict[str, Any]) -> int | None:
    """People count epochs from 1, the records from 0. Before the first step there is none."""
    return one["epoch"] + 1 if one.get("step") else one.get("epoch")


def last_in_words(metric: dict[str, Any] | None) -> str:
    """A step always measures, so its NaN is a finding; elsewhere NaN stands for what was not measured this time."""
    if metric is None or metric["last"] is None:
        return "–"
    return (
        "–" if metric["table"] != "steps" and math.isnan(metric["last"]) else number(metric["last"])
    )
