"""`asgml export`: a run's tables and events as CSV, Parquet or JSON lines, for other programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from asgml.app.errors import NotFoundError, UserError, narrate
from asgml.app.lookup import find, open_run
from asgml.app.output import finite
from asgml.storage.format.events import MAX_STEP, Event
from asgml.storage.format.metrics import TABLES
from asgml.storage.read.reader import Run

WHOLE = frozenset({"step", "segment", "epoch"})
"""Columns that count: written without a decimal point."""
EVENT_COLUMNS = ("kind", "step", "wall_time", "active_time", "segment", "fields")


def export(
    run_ref: str, runs: Path | None, to: str, out: Path, force: bool, superseded: bool
) -> int:
    """Write the run to `out`; print the files that were written."""
    run = open_run(find(run_ref, runs))
    if run.manifest is None:
        raise NotFoundError(f"{run.paths.name} has recorded nothing yet; try again once it trains")
    write = {"csv": _write_csv, "parquet": _write_parquet, "jsonl": _write_jsonl}[to]
    targets = [out] if to == "jsonl" else [out / f"{table}.{to}" for table in (*TABLES, "events")]
    _check(out, targets, to, force)
    try:
        write(run, out, _rows_of(run, superseded))
    except OSError as error:
        raise UserError(f"{out}: {error.strerror}; give an OUT that you may write to") from None
    for target in targets:
        print(target)
    for problem in run.problems:
        narrate(f"note: {problem}")
    return 0


def _check(out: Path, targets: list[Path], to: str, force: bool) -> None:
    if to == "parquet":
        _parquet()
    if to == "jsonl" and out.is_dir():
        raise UserError(
            f"{out} is a directory; --to jsonl writes one file, such as {out / 'run.jsonl'}"
        )
    if to != "jsonl" and out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; --to {to} writes one file per table into a directory")
    existing = [target for target in targets if target.exists()]
    if existing and not force:
        raise UserError(f"{existing[0]} exists; give another OUT, or --force to write over it")


Rows = Callable[[str], np.ndarray]
"""Table → its rows to write, shape (rows, columns)."""


def _rows_of(run: Run, superseded: bool) -> Rows:
    """Return the source of rows; rows that a resume superseded are in it only where asked for."""
    if superseded:
        return run.table
    return lambda table: run.table(table)[run.current_rows(table)]


def _write_csv(run: Run, out: Path, rows_of: Rows) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        columns = run.columns(table)
        cells = (_cells(columns, row) for row in rows_of(table).tolist())
        _csv_file(out / f"{table}.csv", columns, cells)
    events = (list(_event_row(event)) for event in run.events)
    _csv_file(out / "events.csv", list(EVENT_COLUMNS), events)


def _csv_file(path: Path, columns: list[str], rows: Iterator[list[Any]]) -> None:
    with _whole(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _write_parquet(run: Run, out: Path, rows_of: Rows) -> None:
    arrow, parquet = _parquet()
    out.mkdir(parents=True, exist_ok=True)
    for table in TABLES:
        rows = rows_of(table)
        columns = {name: rows[:, index] for index, name in enumerate(run.columns(table))}
        typed = {
            name: values.astype(np.int64) if _counts(name, values) else values
            for name, values in columns.items()
        }
        with _whole(out / f"{table}.parquet") as partial:
            parquet.write_table(arrow.table(typed), partial)
    rows_of_events = [_event_row(event) for event in run.events]
    events = {
        name: [row[index] for row in rows_of_events] for index, name in enumerate(EVENT_COLUMNS)
    }
    with _whole(out / "events.parquet") as partial:
        parquet.write_table(arrow.table(events), partial)


def _write_jsonl(run: Run, out: Path, rows_of: Rows) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    with _whole(out) as partial, partial.open("w", encoding="utf-8") as file:
        for record in _records(run, rows_of):
            file.write(json.dumps(finite(record), allow_nan=False) + "\n")


def _records(run: Run, rows_of: Rows) -> Iterator[dict[str, Any]]:
    for table in TABLES:
        columns = run.columns(table)
        for row in rows_of(table).tolist():
            cells = zip(columns, row, strict=True)
            yield {"table": table} | {name: _number(name, value) for name, value in cells}
    for event in run.events:
        row = (*_event_row(event)[:-1], event.fields)
        yield {"table": "events"} | dict(zip(EVENT_COLUMNS, row, strict=True))


class _whole:
    """A file that appears under its name only once it is written to the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(path.name + ".partial")

    def __enter__(self) -> Path:
        return self._partial

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)


def _event_row(event: Event) -> tuple[Any, ...]:
    fields = json.dumps(finite(event.fields), allow_nan=False)
    return event.kind, event.step, event.wall_time, event.active_time, event.segment, fields


def _cells(columns: list[str], row: list[float]) -> list[str]:
    """Return a row as text with every digit; `nan` and `inf` by name."""
    return [str(_number(column, value)) for column, value in zip(columns, row, strict=True)]


def _number(column: str, value: float) -> float | int:
    return int(value) if column in WHOLE and value == value and value.is_integer() else value


def _counts(column: str, values: np.ndarray) -> bool:
    # beyond 2^53 a float64 is no count any more; NaN fails the comparison too
    return column in WHOLE and bool((np.abs(values) <= MAX_STEP).all())


def _parquet() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UserError(
            "--to parquet needs pyarrow, which is not installed; "
            "`pip install 'asgml[parquet]'`, or use --to csv"
        ) from None
    return pyarrow, pyarrow.parquet
