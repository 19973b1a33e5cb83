"""The check: does what lies in a run's store agree with its head and its manifest?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.status import TEXTS
from asgml.storage.read.reader import Run

Metadata = dict[str, dict[str, Any]]


def verify(path: Path) -> list[str]:
    """The problems of a run, one line each; none for a sound one. Raises what `Run.open` raises."""
    paths = RunPaths(path)
    run = Run.open(paths)
    if run.head is None:
        return [f"{paths.store.name} holds no published head yet"]
    metadata = {name: _metadata(run, name) for name in (*TABLES, *TEXTS)}
    return [
        *run.problems,
        *_shapes(run, metadata),
        *_columns(run, metadata),
        *_empty_rows(run),
        *_unreadable_events(run),
    ]


def _shapes(run: Run, metadata: Metadata) -> list[str]:
    """An array may be longer than its head says while the run is written; never shorter, and exactly as long at the end."""
    assert run.head is not None
    problems = []
    for name, published in {**run.head.rows, **run.head.text_bytes}.items():
        length = metadata[name].get("shape", [published])[0]
        if length > published and run.head.state.ended:
            problems.append(
                f"{name}: the run has ended with {published}, the array was not cut from {length}"
            )
    return problems


def _columns(run: Run, metadata: Metadata) -> list[str]:
    problems = []
    for table in (table for table in TABLES if metadata[table]):
        named, told = run.columns(table), metadata[table].get("attributes", {}).get("columns", [])
        width = metadata[table].get("shape", [0, 0])[1]
        if told != named or width != len(named):
            problems.append(
                f"{table}: {width} columns, the manifest names {len(named)}, the array's own attributes {len(told)}"
            )
    return problems


def _empty_rows(run: Run) -> list[str]:
    """Rows behind the mark that hold nothing, not even a step: never written, or lost."""
    return [
        f"{table}: rows {first} to {last} are empty"
        for table in TABLES
        if run.rows(table)
        for first, last in _stretches(np.asarray(np.isnan(run.table(table)).all(axis=1)))
    ]


def _unreadable_events(run: Run) -> list[str]:
    problems = [
        f"events: line {number} is no event: {event.get('reason')}"
        for number, event in enumerate(run.events, start=1)
        if event.kind == "unreadable"
    ]
    cut = [text for text in TEXTS if run.unfinished_line(text)]
    return problems + [f"{text}: the last line has no end" for text in cut]


def _stretches(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [
        (int(first), int(after) - 1) for first, after in zip(edges[::2], edges[1::2], strict=True)
    ]


def _metadata(run: Run, name: str) -> dict[str, Any]:
    """Nothing where it cannot be read: the reader has named that already."""
    try:
        record = json.loads((run.paths.store / name / "zarr.json").read_bytes())
        return record if isinstance(record, dict) else {}
    except (OSError, ValueError):
        return {}
