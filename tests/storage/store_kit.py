"""Small runs for the tests of storage: few columns, values that say which row they are."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np

from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Knob
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import TABLES, Metric
from asgml.storage.read.check import check_run
from asgml.storage.write.writer import RunWriter, _open_writers

SMALL = (
    Metric("loss", "steps", "a loss", "nat"),
    Metric("grad_norm", "steps", "a norm", per_modality=True),
    Metric("probe_accuracy", "probes", "an accuracy", per_modality=True),
    Metric("val_accuracy", "epochs", "an accuracy"),
    Metric("cpu", "system", "a load", "%"),
)
KNOBS = (
    Knob("boost.alpha", "float", 0.5, "strength", 0, 1.5, 0.05),
    Knob("lr", "float", 0.1, "learning rate", 0, 1),
)


def small_manifest(name: str = "small-01") -> Manifest:
    modalities, classes = ("audio", "visual"), ("one", "two")
    return Manifest(
        name=name,
        created=1000.0,
        config={},
        modalities=modalities,
        classes=classes,
        metrics=SMALL,
        knobs=KNOBS,
        host=socket.gethostname(),
    )


MANIFEST = small_manifest()
WIDTHS = {str(table): len(MANIFEST.columns(table)) for table in TABLES}


def row(table: str, step: int, segment: int = 0) -> list[float]:
    """A row whose every number follows from its step."""
    return [
        step,
        1000.0 + step,
        step / 10,
        segment,
        *[step + index / 8 for index in range(WIDTHS[table] - 4)],
    ]


def rows_of(table: str, steps: range, segment: int = 0) -> np.ndarray:
    return np.array([row(table, step, segment) for step in steps], np.float64).reshape(
        len(steps), WIDTHS[table]
    )


def note(step: int, text: str, segment: int = 0) -> Event:
    fields = {"id": f"id-{step}", "command": "note", "answer": "applied", "note": text}
    return Event("command", step, 1000.0 + step, step / 10, segment, fields)


def new_writer(root: Path, **options: object) -> RunWriter:
    return RunWriter.create(RunPaths(root), small_manifest(root.name), **options)  # type: ignore[arg-type]


def write_steps(writer: RunWriter, steps: range, segment: int = 0, table: str = "steps") -> None:
    for step in steps:
        writer.append(table, row(table, step, segment))


def abandon(writer: RunWriter) -> None:
    """Let the writer die as in a crash: nothing more is published, its lock has a dead owner."""
    writer._closing = True
    writer._wake.set()
    writer._thread.join()
    _open_writers.discard(writer)
    writer._lock.release()


def problems_of(path: Path) -> list[str]:
    """The problems that the check finds."""
    return [finding.problem for finding in check_run(path)]
