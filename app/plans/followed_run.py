"""A run of a plan as the scheduler follows it: what its store says, put into the cell's status."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from asgml.app.plans.cell_status import MOST_POINTS, CellStatus
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.process import this_host
from asgml.storage.read.reader import Run

if TYPE_CHECKING:
    import numpy.typing as npt

BY_ERROR, BY_ACCURACY = "val_mae", "val_accuracy"
"""The columns of `epochs` by which validation chooses: the error where there is one."""


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
            status.curve = _finite(self._epochs(BY_ACCURACY))[-MOST_POINTS:].tolist()
            status.value = self.chosen(metric)
        return run.state()

    def chosen(self, metric: str) -> float:
        """Return a column's value at the epoch that validation chose, NaN where there is none.

        What is measured once, at the end, has that one value.
        """
        values, scores = self._epochs(metric), -self._epochs(BY_ERROR)
        if not len(scores):
            scores = self._epochs(BY_ACCURACY)
        known = np.flatnonzero(np.isfinite(scores))
        if (
            len(known)
            and len(values)
            and np.isfinite(at := values[known[np.argmax(scores[known])]])
        ):
            return float(at)
        finite = _finite(values)
        return float(finite[-1]) if len(finite) else float("nan")

    def last_line(self) -> str:
        """Return the last line that the trainer wrote, "" for none."""
        try:
            text = self.paths.trainer_log.read_bytes()[-4000:].decode("utf-8", errors="replace")
        except OSError:
            return ""
        lines = [line for line in text.splitlines() if line.strip()]
        return lines[-1].removeprefix("error: ") if lines else ""

    def _epochs(self, column: str) -> npt.NDArray[np.float64]:
        if not self._run.rows("epochs") or column not in self._run.columns("epochs"):
            return np.empty(0)
        return self._run.column("epochs", column)[self._run.current_rows("epochs")]


def _finite(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return values[np.isfinite(values)]
