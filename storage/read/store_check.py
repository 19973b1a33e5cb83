"""The check of a run's store: arrays, rows and texts against head and manifest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from asgml.storage.format.array_metadata import ArrayMetadata, read_array_metadata
from asgml.storage.format.errors import FormatError
from asgml.storage.format.events import MAX_SEGMENT
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.status import HEAD_SLOTS, TEXTS
from asgml.storage.read.finding import Finding, lost
from asgml.storage.read.reader import Run

Arrays = dict[str, ArrayMetadata]


def store_findings(run: Run) -> list[Finding]:
    """Return what is wrong with the store of a run that has a head."""
    arrays: Arrays = {}
    findings: list[Finding] = []
    for name in (*TABLES, *TEXTS, "head"):
        try:
            arrays[name] = read_array_metadata(run.paths.store, name)
        except (FormatError, OSError) as error:
            if not any(problem.startswith(f"{name}:") for problem in run.problems):
                findings.append(lost(f"{name}: {error}", f"run.zarr/{name}"))
    return [
        *(lost(problem, _damaged_array(problem)) for problem in run.problems),
        *findings,
        *_wrong_head(run, arrays),
        *_uncut_arrays(run, arrays),
        *_wrong_columns(run, arrays),
        *_empty_rows(run),
        *_broken_lines(run),
    ]


def _damaged_array(problem: str) -> str:
    """Return the path of the array that a reader's problem is about, else of the store."""
    name = problem.partition(":")[0]
    return f"run.zarr/{name}" if name in (*TABLES, *TEXTS) else "run.zarr"


def _wrong_head(run: Run, arrays: Arrays) -> list[Finding]:
    """Find a head of another shape, and one that no writer can have written."""
    assert run.head is not None
    head = arrays.get("head")
    findings = []
    if head is not None and (head.shape, head.chunks) != ((HEAD_SLOTS,), (HEAD_SLOTS,)):
        shapes = f"shape {list(head.shape)} in chunks of {list(head.chunks)}"
        findings.append(lost(f"head: {shapes}, expected [{HEAD_SLOTS}]", "run.zarr/head"))
    if not run.head.heartbeat:
        findings.append(lost("head: it holds no heartbeat", "run.zarr/head"))
    if run.head.segment > MAX_SEGMENT:
        findings.append(lost(f"head: {run.head.segment} is no segment", "run.zarr/head"))
    return findings


def _uncut_arrays(run: Run, arrays: Arrays) -> list[Finding]:
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
        if name in arrays and (length := arrays[name].shape[0]) > published
    ]


def _wrong_columns(run: Run, arrays: Arrays) -> list[Finding]:
    """Find tables whose columns are not those of the manifest's metrics and modalities."""
    assert run.manifest is not None
    findings = []
    for table in (table for table in TABLES if table in arrays):
        named, own = run.columns(table), list(arrays[table].columns)
        if run.manifest.metrics:  # another program may record a table without a list of metrics
            named = run.manifest.columns(table)
        width = arrays[table].shape[1]
        if width != len(named) or width != len(own):
            problem = f"{width} columns, the manifest names {len(named)}"
            more = f"the array's own attributes {len(own)}"
            findings.append(lost(f"{table}: {problem}, {more}", f"run.zarr/{table}"))
        elif pairs := [pair for pair in zip(named, own, strict=True) if pair[0] != pair[1]]:
            theirs, ours = pairs[0]
            problem = f"the manifest names a column {theirs!r}, the array {ours!r}"
            findings.append(lost(f"{table}: {problem}", "run.zarr"))
    return findings


def _empty_rows(run: Run) -> list[Finding]:
    """Find published rows that hold nothing, not even a step: never written, or lost."""
    return [
        lost(f"{table}: rows {first} to {last} are empty", f"run.zarr/{table}")
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
        lost(f"{text}: the last line has no end", f"run.zarr/{text}")
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
