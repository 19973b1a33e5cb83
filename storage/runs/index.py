"""The records of a folder of runs: from the index where it holds, read from the run elsewhere.

A kept row holds exactly when the 256 bytes of the run's head, and the stamps of run.toml and
launch.json, are those that it was read with. What follows from the time and the list of processes,
the state of a run, is concluded anew each time; so are the labels.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path

from asgml.storage.format.head_file import head_bytes
from asgml.storage.format.layout import RunPaths, scan
from asgml.storage.format.scan import FoundRun, file_stamp
from asgml.storage.runs.from_content import record_from
from asgml.storage.runs.index_file import IndexFile, Row
from asgml.storage.runs.reading import read_content, unreadable
from asgml.storage.runs.record import RunRecord

MOST_READINGS = 3
"""Readings of one run until one of them is whole: its trainer may end during each."""
KEEP_EVERY = 20
"""Runs that are read before they are kept: whoever interrupts the first reading keeps most."""


Progress = Callable[[int, int], object]
"""Takes the number of runs that have been looked at, and of all."""


def read_records(
    folder: Path, *, archived: bool = False, on_progress: Progress = lambda done, total: None
) -> list[RunRecord]:
    """Return the runs of a folder and of the plans in it, the newest first.

    `archived`: also those that the user has put away. A run that cannot be read has the state
    `unreadable`. Raise RunNotFoundError where the folder cannot be read.
    """
    found = scan(folder)
    index = IndexFile(folder)
    try:
        rows = _current_rows(found, index, on_progress)
    finally:
        index.close()
    now = time.time_ns()
    records = [
        record_from(run, rows[run.name], now) or read_record(RunPaths(Path(run.root)), run.name)
        for run in found
        if run.name in rows
    ]
    return [record for record in records if archived or not record.labels.archived]


def read_record(paths: RunPaths, name: str = "") -> RunRecord:
    """Return the record of one run, read from the run itself. `name`: as a folder names it."""
    run = FoundRun(name or paths.name, str(paths.root), file_stamp(str(paths.config)))
    for _ in range(MOST_READINGS):
        record = record_from(run, Row(_stamp(run), read_content(paths)), time.time_ns())
        if record is not None:
            return record
    torn = Row(_stamp(run), unreadable(paths, "it changes while it is read"))
    record = record_from(run, torn, time.time_ns())
    assert record is not None, "what cannot be read has a state of its own"
    return record


def _current_rows(found: list[FoundRun], index: IndexFile, on_progress: Progress) -> dict[str, Row]:
    """Return the content of each run by its name, read anew where the index does not hold."""
    known = index.rows()
    rows: dict[str, Row] = {}
    new: dict[str, Row] = {}
    for done, run in enumerate(found, 1):
        stamp, row = _stamp(run), known.get(run.name)
        if row is None or row.stamp != stamp:
            row = Row(stamp, read_content(RunPaths(Path(run.root))))
            if _can_be_kept(run, row):
                new[run.name] = row
        rows[run.name] = row
        if len(new) >= KEEP_EVERY:
            index.keep(new)
            new = {}
        on_progress(done, len(found))
    index.keep(new, known.keys() - rows.keys())
    return rows


def _can_be_kept(run: FoundRun, row: Row) -> bool:
    """Return True unless the run moved while it was read, or a piece of it could not be read.

    A piece may come back, from a lost disk or a copy, and no head would tell.
    """
    return '"problems":[]' in row.content.facts and _stamp(run) == row.stamp


def _stamp(run: FoundRun) -> bytes:
    """Return the bytes that change whenever the run has published something."""
    made, launched = run.made, file_stamp(f"{run.root}/launch.json")
    return struct.pack("<4q", *made, *launched) + head_bytes(run.root)
