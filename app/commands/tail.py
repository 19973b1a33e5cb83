"""`asgml tail`: steps and events of a run as lines, once or for as long as it trains."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from asgml.app.commands.show import event_record
from asgml.app.errors import FAILED, OK, narrate
from asgml.app.event_text import number, sentence
from asgml.app.follow import OVER
from asgml.app.lookup import find, open_run
from asgml.app.output import print_json
from asgml.app.text import one_line
from asgml.storage.format.events import Event
from asgml.storage.read.reader import Run

LOOK_EVERY = 0.5
SHORT = ("loss", "accuracy")
SHORT_BY_MODALITY = ("grad_norm", "gain")
"""Metrics of a step that fit on a line."""
Entry = tuple[float, str, dict[str, Any]]
"""When it happened, the line for a person, the record for a program."""


def tail(word: str, runs: Path | None, json_: bool, follow: bool, lines: int, every: int) -> int:
    """Prints the last lines; with `follow` all later ones too, until the run is over."""
    run = open_run(find(word, runs))
    reading = _Reading(run, every)
    write = _write_json if json_ else _write_line
    newest = list(reading.new())
    _write_all(newest[-lines:] if lines else [], write)
    while follow and run.state() not in OVER:
        time.sleep(LOOK_EVERY)
        run.refresh()
        _write_all(reading.new(), write)
    if not follow:
        return OK
    _write_all(reading.new(), write)
    narrate(f"{run.paths.name} {run.state()}")
    return OK if run.state() in {"finished", "stopped"} else FAILED


class _Reading:
    """Remembers how far it has read."""

    def __init__(self, run: Run, every: int) -> None:
        self._run = run
        self._every = every
        self._rows = 0
        self._events = 0

    def new(self) -> Iterable[Entry]:
        """What was published since the last call, in the order in which it happened."""
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
        wanted = rows[np.mod(rows[:, step], self._every) == 0]
        return [
            (row[when], _step_line(columns, row), _step_record(columns, row))
            for row in wanted.tolist()
        ]

    def _new_events(self) -> list[Entry]:
        new = self._run.events[self._events :]
        self._events = len(self._run.events)
        return [
            (event.wall_time, _event_line(event), {"table": "events", **event_record(event)})
            for event in new
        ]


def _step_line(columns: list[str], row: list[float]) -> str:
    values = dict(zip(columns, row, strict=True))
    parts = [f"{name} {number(values[name])}" for name in SHORT if name in values]
    for metric in SHORT_BY_MODALITY:
        own = [
            f"{column.partition('/')[2]} {values[column]:.3g}"
            for column in columns
            if column.startswith(f"{metric}/")
        ]
        parts += [f"{metric}: {', '.join(own)}"] if own else []
    return f"step {int(values['step'])}  " + "  ".join(parts)


def _step_record(columns: list[str], row: list[float]) -> dict[str, Any]:
    return {"table": "steps", **dict(zip(columns, row, strict=True))}


def _event_line(event: Event) -> str:
    return f"step {event.step}  ● {sentence(event)}"


def _write_all(entries: Iterable[Entry], write: Callable[[Entry], None]) -> None:
    for entry in entries:
        write(entry)


def _write_line(entry: Entry) -> None:
    print(one_line(entry[1]), flush=True)


def _write_json(entry: Entry) -> None:
    print_json(entry[2], indent=None)
