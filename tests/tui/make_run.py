"""A finished run without a trainer: knob changes, a pause, a NaN.

By hand: `python tests/tui/make_run.py DIR [steps] [name]`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from course import (
    BORN,
    EPOCH_STEPS,
    KNOBS,
    PROBE_EVERY,
    STEP_SECONDS,
    Course,
    make_manifest,
)

from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

_PAUSE_SECONDS = 130.0
_LAST_EVENTS = {state: state.label for state in State if state.ended}

_END_FIELDS: dict[str, dict[str, Any]] = {
    "failed": {"error": "loss is NaN"},
    "diverged": {
        "message": "loss is NaN at step 2200; the last sound checkpoint is of step 2000",
        "column": "loss",
        "value": "nan",
        "at": 2200,
        "checkpoint": 2000,
    },
}


def make_run(
    root: Path,
    steps: int = 3000,
    *,
    name: str = "demo-01",
    nan_at: int = 2200,
    state: State = State.FINISHED,
    modalities: tuple[str, ...] = ("audio", "visual"),
    seed: int = 7,
    facts: Mapping[str, Any] = MappingProxyType({}),
) -> RunPaths:
    """Write a run of `steps` steps below `root`.

    A knob is changed at steps 900 and 1800, the training pauses at 1300, a gradient norm is NaN at
    `nan_at` (0: never). `facts` are fields of the manifest.
    """
    paths = RunPaths(root / name)
    paths.commands.mkdir(parents=True)
    paths.config.write_text('[run]\nname = "made"\n')
    manifest = replace(make_manifest(name, modalities), **facts)
    writer = RunWriter.create(paths, manifest)
    course = Course(manifest, seed)
    wall = BORN
    knobs = {knob.name: knob.initial for knob in KNOBS}
    started = {"pid": 48121, "host": "gpu7", "knobs": knobs}
    writer.event(Event("started", 0, wall, 0.0, 0, started))
    for step in range(1, steps + 1):
        wall += STEP_SECONDS
        active = step * STEP_SECONDS
        for event in _events_after(step, wall, active, course):
            writer.event(event)
        if step == 1300:
            wall += _PAUSE_SECONDS
            writer.event(command(step, wall, active, "resume", "c4"))
        _add_rows(writer, course, step, wall, active, nan_at)
    if ended := _LAST_EVENTS.get(state):
        fields = _END_FIELDS.get(ended, {})
        writer.event(Event(ended, steps, wall + 0.1, steps * STEP_SECONDS, 0, fields))
    writer.mark(state, steps, (steps - 1) // EPOCH_STEPS)
    writer.close(state)
    return paths


def command(step: int, wall: float, active: float, name: str, id: str, **fields: object) -> Event:
    """Return the event of a request and its answer."""
    asked = {"id": id, "command": name, "answer": "applied", "issuer": "you@gpu7", "latency": 0.2}
    return Event("command", step, wall, active, 0, asked | fields)


def _add_rows(
    writer: RunWriter, course: Course, step: int, wall: float, active: float, nan_at: int
) -> None:
    row = course.row("steps", step, wall, active)
    if step == nan_at:
        column = f"grad_norm/{course.manifest.modalities[-1]}"
        row[course.manifest.columns("steps").index(column)] = math.nan
    writer.append("steps", row)
    for table, every in (("probes", PROBE_EVERY), ("epochs", EPOCH_STEPS), ("system", 25)):
        if step % every == 0:
            writer.append(table, course.row(table, step, wall, active))
    assert set(TABLES) == {"steps", "probes", "epochs", "system"}


def _events_after(step: int, wall: float, active: float, course: Course) -> Iterator[Event]:
    """Yield all that happened in this training at one step."""

    def asked(name: str, id: str, **fields: object) -> Event:
        return command(step, wall, active, name, id, **fields)

    def happened(kind: str, **fields: object) -> Event:
        return Event(kind, step, wall, active, 0, fields)

    alpha = {"knob": "boost.alpha"}
    if step == 900:
        course.alpha = 0.5
        yield asked("set", "c1", **alpha, before=0.25, after=0.5, note="visual lags behind")
    if step == 1300:
        yield asked("pause", "c2")
    if step == 1500:
        path = "checkpoints/step1500.pt"
        yield happened("checkpoint", path=path, bytes=47_000_000, seconds=0.4, why="asked for")
    if step == 1800:
        yield happened("phase", message="ogm_ge window closed")
        yield asked("set", "c5", **alpha, before=0.5, after=0.125)
    if step == 2000:
        reason = "boost.alpha = 4: outside its range 0 … 1"
        yield asked("set", "c6", answer="rejected", **alpha, reason=reason)
        yield asked("note", "c7", note="looks better now")
    if step % EPOCH_STEPS == 0:
        accuracy = course.ability(0, step) - 0.04
        yield happened("evaluation", split="val", accuracy=accuracy, loss=0.4)


if __name__ == "__main__":
    given = dict(enumerate(sys.argv[1:]))
    made = make_run(Path(given[0]), int(given.get(1, "3000")), name=given.get(2, "demo-01"))
    print(made.root)
