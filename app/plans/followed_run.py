"""A run of a plan as the scheduler follows it: what its store says, put into the cell's status."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from asgml.app.plans.cell_status import MOST_POINTS, CellStatus
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.process import this_host
from asgml.storage.read.reader import Run
from asgml.storage.runs.index import read_record
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import NEUTRAL, without
from asgml.storage.statistics.result import metric_value

CURVE = "val_accuracy"
LEARNING_RATE = "optimizer.lr"
"""The setting that the knob `lr` turns; every other knob has the name of its setting."""


def adopt(status: CellStatus, record: RunRecord, metric: str) -> None:
    """Put a run that had finished before into the status."""
    status.state, status.adopted = record.state, True
    status.step, status.epoch = record.step or 0, record.epoch or 0
    status.total, status.seconds = record.total_steps or 0, record.seconds or 0.0
    _take_result(status, record, metric)


def _take_result(status: CellStatus, record: RunRecord, metric: str) -> None:
    status.value, status.steered = metric_value(record, metric), steered(record)


def steered(record: RunRecord) -> tuple[str, ...]:
    """Return the knobs whose value at the end is not that of the run's settings."""
    knobs, settings = record.summary.get("knobs", {}), without(record.settings, NEUTRAL)
    keys = {name: LEARNING_RATE if name == "lr" else name for name in knobs}
    return tuple(
        name for name, key in keys.items() if key in settings and settings[key] != knobs[name]
    )


class FollowedRun:
    """A run, read on with each `read`."""

    def __init__(self, paths: RunPaths) -> None:
        """Raise FormatError where the run cannot be read."""
        self.paths = paths
        self._run = Run.open(paths)

    @property
    def began(self) -> bool:
        """Return True once a trainer has opened the store: what failed before fails again."""
        return self._run.manifest is not None

    @property
    def was_resumed(self) -> bool:
        return self._run.head is not None and self._run.head.segment > 0

    @property
    def here(self) -> bool:
        """Return True where its trainer would be a process of this machine."""
        return not self._run.host or self._run.host == this_host()

    def read(self, status: CellStatus, metric: str) -> str:
        """Put what is recorded into the status; return the state of the run."""
        with suppress(FormatError, OSError):
            self._run.refresh()
        run, head, manifest = self._run, self._run.head, self._run.manifest
        if head is not None and manifest is not None:
            status.step, status.epoch, status.total = head.step, head.epoch, manifest.total_steps
            timeline = run.timeline()
            status.seconds = float(timeline[-1]) if len(timeline) else 0.0
            status.curve = self._curve()
        state = run.state()
        if state == "finished":
            _take_result(status, read_record(self.paths), metric)
        return state

    def last_line(self) -> str:
        """Return the last line that the trainer wrote, "" for none."""
        return last_line_of(self.paths.trainer_log)

    def end_message(self) -> str:
        """Return what the run says about its end, its state where it says nothing."""
        ends = [event for event in self._run.events if event.kind == "diverged"]
        return str(ends[-1].get("message")) if ends else self._run.state()

    def _curve(self) -> list[float]:
        """Return the last validation accuracies, one an epoch."""
        if not self._run.rows("epochs") or CURVE not in self._run.columns("epochs"):
            return []
        values = self._run.column("epochs", CURVE)[self._run.current_rows("epochs")]
        return [float(value) for value in values[np.isfinite(values)][-MOST_POINTS:]]


def last_line_of(log: Path) -> str:
    """Return the last line of a log, "" for none, without the word before an error."""
    try:
        text = log.read_bytes()[-4000:].decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else ""
