"""`asgml tail`: steps and events of a run as lines, once or for as long as it trains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from asgml.app.errors import OK, exit_code_of, narrate
from asgml.app.lookup import find, open_run
from asgml.app.output import print_json
from asgml.app.table_text import number
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.status import ENDED, ENDED_BADLY
from asgml.storage.read.event_text import event_texts
from asgml.storage.read.reader import Run
from asgml.storage.read.remedies import remedy_of
from asgml.storage.read.summary import event_record

POLL_SECONDS = 0.5
SHORT = ("loss", "accuracy")
SHORT_BY_MODALITY = ("grad_norm", "gain")
"""Metrics of a step that fit on a line."""
Entry = tuple[float, str, dict[str, Any]]
"""Unix seconds, the line for the user, the record for a program."""


def tail(run_ref: str, runs: Path | None, json_: bool, follow: bool, lines: int, every: int) -> int:
    """Print the last lines; with `follow` all later ones too, until the run has ended."""
    run = open_run(find(run_ref, runs))
    feed = _Feed(run, every)
    write = _write_json if json_ else _write_line
    newest = feed.new_entries()
    _write_all(newest[-lines:] if lines else [], write)
    while follow and run.state() not in ENDED:
        time.sleep(POLL_SECONDS)
        run.refresh()
        _write_all(feed.new_entries(), write)
    if not follow:
        return OK
    # the state may have been read after the last rows came
    _write_all(feed.new_entries(), write)
    state = run.state()
    narrate(f"{run.paths.name} {state}" + (f"; {remedy_of(run)}" if state in ENDED_BADLY else ""))
    return exit_code_of(run.state())


class _Feed:
    """The entries of a run that were not given out yet."""

    def __init__(self, run: Run, every: int) -> None:
        self._run = run
        self._every = every
        self._rows = 0
        self._events = 0

    def new_entries(self) -> list[Entry]:
        """Return the entries published since the last call, in the order in which they happened."""
        entries = [*self._new_steps(), *self._new_events()]
        return sorted(entries, key=lambda entry: entry[0])

    def _new_steps(self) -> list[Entry]:
        count = self._run.rows("steps")
        first, self._rows = self._rows, count
        if first == count:
            return []
        columns = self._run.columns("steps")
        rows = self._run.table("steps")[first:count]
        step, when = columns.index("step"), columns.index("wall_time")
        with np.errstate(invalid="ignore"):  # an infinite step is no step of any number
            wanted = rows[np.mod(rows[:, step], self._every) == 0]
        return [
            (row[when], _step_line(columns, row), _step_record(columns, row))
            for row in wanted.tolist()
        ]

    def _new_events(self) -> list[Entry]:
        events = self._run.events
        first, self._events = self._events, len(events)
        if first == len(events):
            return []
        shown = event_texts(events)
        return [
            (
                event.wall_time,
                f"step {event.step}  ● {shown[index].line}",
                {"table": "events", **event_record(event)},
            )
            for index, event in enumerate(events[first:], start=first)
        ]


def _step_line(columns: list[str], row: list[float]) -> str:
    values = dict(zip(columns, row, strict=True))
    texts = [f"{name} {number(values[name])}" for name in SHORT if name in values]
    for metric in SHORT_BY_MODALITY:
        by_modality = [
            f"{column.partition('/')[2]} {values[column]:.3g}"
            for column in columns
            if column.startswith(f"{metric}/")
        ]
        texts += [f"{metric}: {', '.join(by_modality)}"] if by_modality else []
    return f"step {int(values['step'])}  " + "  ".join(texts)


def _step_record(columns: list[str], row: list[float]) -> dict[str, Any]:
    return {"table": "steps", **dict(zip(columns, row, strict=True))}


def _write_all(entries: Iterable[Entry], write: Callable[[Entry], None]) -> None:
    for entry in entries:
        write(entry)


def _write_line(entry: Entry) -> None:
    print(one_line(entry[1]), flush=True)


def _write_json(entry: Entry) -> None:
    print_json(entry[2], indent=None)
