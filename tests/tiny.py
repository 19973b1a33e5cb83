"""A tiny run for tests: 40 steps, two modalities, values that follow from the step."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path

from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Knob
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter

TINY_STEPS = 40
HOSTILE_NOTE = "\x1b[31mred\x1b[0m [bold]markup[/bold] \u202eturned"
"""A note that tries to steer the terminal, to be markup, and to turn the direction of writing."""


def write_tiny_run(root: Path) -> RunPaths:
    """Writes the run that `tiny_run` gives."""
    paths = RunPaths(root)
    paths.root.mkdir(parents=True)
    paths.config.write_text('method = "boost"\ndata = {name = "synthetic"}\n', encoding="utf-8")
    manifest = tiny_manifest(root.name)
    paths.checkpoints.mkdir()
    with zipfile.ZipFile(paths.checkpoints / "last.pt", "w") as checkpoint:
        checkpoint.writestr("last/data.pkl", b"no tensors")
    writer = RunWriter.create(paths, manifest)
    knobs = {knob.name: knob.initial for knob in manifest.knobs}
    writer.event(
        Event("started", 0, 1000.0, 0.0, 0, {"pid": os.getpid(), "host": "here", "knobs": knobs})
    )
    for step in range(1, TINY_STEPS + 1):
        writer.append("steps", tiny_row(manifest, "steps", step))
        if step % 10 == 0:
            writer.append("probes", tiny_row(manifest, "probes", step))
            writer.append("epochs", tiny_row(manifest, "epochs", step))
    for event in _tiny_events():
        writer.event(event)
    writer.log("the last line")
    writer.mark(step=TINY_STEPS, epoch=3)
    writer.close(State.FINISHED)
    return paths


def tiny_manifest(name: str) -> Manifest:
    knobs = (
        Knob("boost.alpha", "float", 0.5, "boost strength", 0, 1.5, 0.05),
        Knob("probe.eval_freq", "int", 10, "steps between probes", 1, 100, 5, applies="probe"),
    )
    return Manifest(
        name=name,
        created=1000.0,
        config={"method": "boost", "data": {"name": "synthetic"}},
        modalities=("audio", "visual"),
        classes=("one", "two"),
        knobs=knobs,
        total_steps=TINY_STEPS,
        total_epochs=4,
        steps_per_epoch=10,
        method="boost",
        device="cpu",
        host="here",
    )


def tiny_row(manifest: Manifest, table: str, step: int) -> list[float]:
    """Return a row made of its step: losses fall, the rest rises; the loss of step 20 is NaN."""
    row = {"step": step, "wall_time": 1000.0 + step / 10, "active_time": step / 10, "segment": 0}
    for column in manifest.columns(table):
        name = column.partition("/")[0]
        falls = "loss" in name
        row.setdefault(column, 2.0 - step / TINY_STEPS if falls else step / TINY_STEPS)
    row |= {"epoch": (step - 1) // 10} if table == "steps" else {}
    row |= {"loss": math.nan} if table == "steps" and step == 20 else {}
    return [row[column] for column in manifest.columns(table)]


def _tiny_events() -> list[Event]:
    command = {
        "id": "a1",
        "command": "set",
        "answer": "applied",
        "knob": "boost.alpha",
        "before": 0.5,
        "after": 0.25,
        "issuer": "me@here",
    }
    note = {
        "id": "a2",
        "command": "note",
        "answer": "applied",
        "note": HOSTILE_NOTE,
        "issuer": "me@here",
    }
    alert = {"level": "warn", "message": "loss is NaN", "column": "loss"}
    return [
        Event("alert", 20, 1002.0, 2.0, 0, alert),
        Event("command", 25, 1002.5, 2.5, 0, command),
        Event("command", 30, 1003.0, 3.0, 0, note),
        Event(
            "checkpoint",
            40,
            1004.0,
            4.0,
            0,
            {"path": "checkpoints/last.pt", "bytes": 1024, "seconds": 0.1, "why": "epoch"},
        ),
        Event("finished", 40, 1004.0, 4.0, 0, {}),
    ]
