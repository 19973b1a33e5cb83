"""The check of a run: its store against head and manifest, its checkpoints against its events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.storage.format.arrays import HEAD_KEY
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import FormatError
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.safe_text import error_line
from asgml.storage.format.status import HEAD_SLOTS, TEXTS, UNHEARD
from asgml.storage.read.checkpoint_check import damaged_checkpoints
from asgml.storage.read.reader import Run

Metadata = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Finding:
    """One thing wrong with a run, and its remedy. Both may quote the run: not safe to print."""

    problem: str
    remedy: str


def check_run(path: Path) -> list[Finding]:
    """Return what is wrong with the run in a directory; nothing for a whole one, also a live one.

    Raise RunNotFoundError where there is no run.
    """
    paths = RunPaths(path)
    try:
        run = Run.open(paths)
    except FormatError as error:
        return [Finding(str(error), _copy(paths.store.name))]
    except (OSError, TypeError, ValueError, KeyError) as error:
        return [Finding(f"{paths.store.name}: {error_line(error)}", _copy(paths.store.name))]
    if run.head is None:
        return _without_head(run)
    metadata = {name: _metadata(run, name) for name in (*TABLES, *TEXTS)}
    return [
        *(Finding(problem, _copy(_damaged_array(problem))) for problem in run.problems),
        *_unusable_manifest(run),
        *_uncut_arrays(run, metadata),
        *_wrong_columns(run, metadata),
        *_empty_rows(run),
        *_broken_lines(run),
        *(Finding(*damage) for damage in damaged_checkpoints(run)),
    ]


def _copy(name: str) -> str:
    return f"copy {name} again from where the run was recorded"


def _damaged_array(problem: str) -> str:
    """Return the path of the array that a reader's problem is about, else of the store."""
    name = problem.partition(":")[0]
    return f"run.zarr/{name}" if name in (*TABLES, *TEXTS) else "run.zarr"


def _without_head(run: Run) -> list[Finding]:
    head = run.paths.store / HEAD_KEY
    if head.exists() and head.stat().st_size != 8 * HEAD_SLOTS:
        size, file = head.stat().st_size, f"{run.paths.store.name}/{HEAD_KEY}"
        return [Finding(f"{file} holds {size} bytes, expected {8 * HEAD_SLOTS}", _copy(file))]
    if run.state() in UNHEARD:  # a trainer that is still loading its libraries
        return []
    problem = f"{run.paths.store.name} holds no published head: nothing was recorded, or it is lost"
    return [Finding(problem, "the reason may be in trainer.log; start the run again")]


def _unusable_manifest(run: Run) -> list[Finding]:
    """Find a manifest whose entries are of types from which no column can be named."""
    assert run.manifest is not None
    try:
        for table in TABLES:
            run.manifest.columns(table)
    except (TypeError, AttributeError) as error:
        name = f"{run.paths.store.name}/zarr.json"
        return [Finding(f"{name}: the manifest is damaged ({error_line(error)})", _copy(name))]
    return []


def _uncut_arrays(run: Run, metadata: Metadata) -> list[Finding]:
    """Find arrays longer than the head says after the end; before it they grow by whole chunks."""
    assert run.head is not None
    if not run.head.state.ended:
        return []
    return [
        Finding(
            f"{name}: the run has ended with {published}, the array was not cut from {length}",
            f"asgml reads it rightly; other readers of Zarr have to stop at {published}",
        )
        for name, published in {**run.head.rows, **run.head.text_bytes}.items()
        if (length := metadata[name].get("shape", [published])[0]) > published
    ]


def _wrong_columns(run: Run, metadata: Metadata) -> list[Finding]:
    findings = []
    for table in (table for table in TABLES if metadata[table]):
        named = run.columns(table)
        recorded = metadata[table].get("attributes", {}).get("columns", [])
        width = metadata[table].get("shape", [0, 0])[1]
        if recorded != named or width != len(named):
            problem = f"{width} columns, the manifest names {len(named)}"
            own = f"the array's own attributes {len(recorded)}"
            findings.append(Finding(f"{table}: {problem}, {own}", _copy(f"run.zarr/{table}")))
    return findings


def _empty_rows(run: Run) -> list[Finding]:
    """Find published rows that hold nothing, not even a step: never written, or lost."""
    return [
        Finding(f"{table}: rows {first} to {last} are empty", _copy(f"run.zarr/{table}"))
        for table in TABLES
        if run.rows(table)
        for first, last in _stretches(np.asarray(np.isnan(run.table(table)).all(axis=1)))
    ]


def _broken_lines(run: Run) -> list[Finding]:
    unreadable = [
        Finding(
            f"events: line {number} is no event: {event.get('reason')}",
            "it is skipped; copy run.zarr/events again if other events are missing",
        )
        for number, event in enumerate(run.events, start=1)
        if event.kind == "unreadable"
    ]
    cut = [
        Finding(f"{text}: the last line has no end", _copy(f"run.zarr/{text}"))
        for text in TEXTS
        if run.unfinished_line(text)
    ]
    return unreadable + cut


def _stretches(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [
        (int(first), int(after) - 1) for first, after in zip(edges[::2], edges[1::2], strict=True)
    ]


def _metadata(run: Run, name: str) -> dict[str, Any]:
    """Return an array's metadata; {} where it cannot be read: the reader has named that already."""
    try:
        record = json.loads((run.paths.store / name / "zarr.json").read_bytes())
        return record if isinstance(record, dict) else {}
    except (OSError, ValueError):
        return {}
