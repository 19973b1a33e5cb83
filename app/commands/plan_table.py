"""The table of a plan as `asgml ablate` prints it: text, or JSON for scripts."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from asgml.app.output import console, print_json
from asgml.app.plans.cell_status import CellStatus, PlanProgress
from asgml.storage.format.safe_text import one_line
from asgml.storage.runs.ensemble_record import read_ensembles
from asgml.storage.runs.index import read_records
from asgml.storage.runs.plan_record import PlanRecord
from asgml.storage.statistics.result_table import ResultRow, ResultTable
from asgml.storage.statistics.tables import table_of_plan
from asgml.storage.statistics.words import amount, interval_text, mean_text, scale_of, sentence


def table_of_folder(folder: Path, record: PlanRecord) -> ResultTable:
    """Return the table of a plan from the runs and ensembles in its folder."""
    records = read_records(folder, archived=True) if folder.is_dir() else []
    return table_of_plan(record, records, read_ensembles(folder))


def print_table(table: ResultTable) -> None:
    """Print the rows, their means over the seeds, and their differences to the baseline."""
    heading = f"{table.title}: {table.metric}, mean ± std over seeds"
    missing = f"; {table.missing} cells have no value yet" if table.missing else ""
    print(one_line(heading + missing))
    printed = Table("row", "n", "mean ± std", "95 % interval", box=None, pad_edge=False)
    if table.baseline:
        printed.add_column(f"against {one_line(table.baseline)}", overflow="fold")
    for row in table.rows:
        texts = [one_line(row.label), str(row.estimate.n), mean_text(row.estimate, table.metric)]
        texts.append(interval_text(row.estimate.low, row.estimate.high, table.metric))
        printed.add_row(*(Text(text) for text in texts), *_difference(row, table))
    console().print(printed)
    if seen := _detectable(table):
        print(one_line(seen))


def _detectable(table: ResultTable) -> str:
    """Return what the seeds could have told apart, from the surest row to the least sure one."""
    pairs = [row.difference for row in table.rows if row.difference and not row.mark]
    known = sorted(one.detectable for one in pairs if math.isfinite(one.detectable))
    if not known:
        return ""
    ends = dict.fromkeys(amount(one, table.metric) for one in (known[0], known[-1]))
    unit = scale_of(table.metric)[1]
    return f"the seeds can tell differences from {' to '.join(ends)} {unit} on, by their spread"


def print_plan_json(table: ResultTable, progress: PlanProgress, folder: Path) -> None:
    """Print table and cells as one JSON object."""
    cells = [
        {"row": cell.label, "seed": cell.seed, **_cell_json(progress.of(cell), folder)}
        for cell in progress.plan.cells
    ]
    rows = [_row_json(row) for row in table.rows]
    print_json(
        {
            "plan": progress.plan.name,
            "title": table.title,
            "folder": str(folder),
            "metric": table.metric,
            "baseline": table.baseline,
            "missing": table.missing,
            "rows": rows,
            "cells": cells,
        }
    )


def print_cells(progress: PlanProgress) -> None:
    """Print one line for each cell: its run, its state, and what is stale beside it."""
    printed = Table("row", "seed", "run", "state", "stale", box=None, pad_edge=False)
    for cell in progress.plan.cells:
        status = progress.of(cell)
        state = f"{status.state}: {status.problem}" if status.problem else status.state
        texts = (cell.label, cell.seed, status.run or cell.run, state, ", ".join(status.stale))
        printed.add_row(*(Text(one_line(text)) for text in texts))
    console().print(printed)


def _difference(row: ResultRow, table: ResultTable) -> list[Text]:
    if not table.baseline:
        return []
    texts = [f"not compared: {row.mark}"] if row.mark else []
    if row.difference is not None and not row.mark:
        better = table.better or "high"
        texts.append(sentence(row.difference, table.metric, better=better, p_holm=row.p_holm))
    return [Text(one_line(", ".join(texts)))]


def _row_json(row: ResultRow) -> dict[str, Any]:
    return {
        "label": row.label,
        "settings": dict(row.settings),
        "values": row.values,
        "runs": row.runs,
        "missing": dict(row.missing),
        **asdict(row.estimate),
        "difference": asdict(row.difference) if row.difference else None,
        "p_holm": row.p_holm,
        "mark": row.mark,
    }


def _cell_json(status: CellStatus, folder: Path) -> dict[str, Any]:
    return {
        "run": str(folder / status.run) if status.run and not status.cell.ensemble else None,
        "state": status.state,
        "value": status.value,
        "step": status.step,
        "total_steps": status.total or None,
        "seconds": status.seconds,
        "problem": status.problem or None,
        "stale": list(status.stale),
        "steered": list(status.steered),
    }
