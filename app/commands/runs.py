"""`asgml runs`: the runs in the runs directory, the newest first."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from asgml.app.errors import NotFoundError, narrate
from asgml.app.output import print_json
from asgml.app.settings import runs_directory
from asgml.app.table_text import STYLES, last_value, of_total, shown_epoch
from asgml.storage.format.layout import RunNotFoundError, RunPaths, list_runs
from asgml.storage.format.safe_text import safe

METRICS = {"val_accuracy": "val", "test_accuracy_at_best_val": "test", "utilization_gap": "gap"}
"""Metric → heading, of those that tell runs apart on a line."""
WIDE = 100
"""Columns of a terminal from which on the steps are listed too."""


def runs(runs: Path | None, json_: bool) -> int:
    """Print a line for each run; as JSON everything that `show --json` has."""
    folder = runs_directory(runs)
    try:
        found = list_runs(folder)
    except RunNotFoundError as error:
        raise NotFoundError(str(error)) from None
    if json_:
        print_json([summary_of(paths) for paths in found])
    elif found:
        _print_table([summary_of(paths) for paths in found])
    else:
        narrate(f"no runs in {folder}; start one with `asgml train`")
    return 0


def summary_of(paths: RunPaths) -> dict[str, Any]:
    """Return the summary of a run; of one that cannot be read, its name and the reason."""
    # zarr takes most of a second to import; a directory without runs needs none of it
    from asgml.app.errors import UserError
    from asgml.app.lookup import open_run
    from asgml.storage.read.summary import summarize

    try:
        return summarize(open_run(paths))
    except UserError as error:
        return {
            "path": str(paths.root),
            "name": paths.name,
            "state": "unreadable",
            "problems": [str(error)],
        }


def _print_table(summaries: list[dict[str, Any]]) -> None:
    """Print one line for each run; a narrow terminal shows epochs but no steps."""
    from rich.table import Column, Table
    from rich.text import Text

    from asgml.app.output import console

    out = console()
    wide = out.width >= WIDE
    headings = ["epoch", *(["step"] if wide else []), *METRICS.values(), "started"]
    columns = (Column(name, no_wrap=True) for name in ("run", "state", *headings))
    table = Table(*columns, box=None, pad_edge=False)
    for summary in summaries:
        metrics = summary.get("metrics", {})
        cells = [of_total(shown_epoch(summary), summary.get("total_epochs"))]
        cells += [of_total(summary.get("step"), summary.get("total_steps"))] if wide else []
        cells += [last_value(metrics.get(name)) for name in METRICS]
        cells += [_when(summary.get("started"))]
        state = Text(summary["state"], STYLES.get(summary["state"], ""))
        table.add_row(Text(safe(summary["name"])), state, *(Text(cell) for cell in cells))
    out.print(table)


def _when(started: str | None) -> str:
    """Return the time of today's runs, the date of others."""
    if started is None:
        return "–"
    date, _, clock = started.partition("T")
    return clock[:5] if date == datetime.date.today().isoformat() else date
