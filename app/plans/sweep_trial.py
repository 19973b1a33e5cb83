"""A trial of a sweep: the same values with each seed, and what its runs have reached so far."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from asgml.app.plans.followed_run import last_line_of
from asgml.storage.commands.inbox import make_request, send
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import ALIVE
from asgml.storage.read.reader import Run

TrialState = Literal["running", "finished", "pruned", "failed", "diverged"]


class TrialRun:
    """One run of a trial, read on with each `look`."""

    def __init__(self, paths: RunPaths) -> None:
        """Raise FormatError where the run cannot be read."""
        self.paths = paths
        self.run = Run.open(paths)
        self.resumed = False
        self.asked_to_stop = False

    def look(self) -> str:
        """Read what is new; return the state of the run."""
        with suppress(FormatError, OSError):
            self.run.refresh()
        return self.run.state()

    def scores(self) -> list[float]:
        """Return what validation said, by evaluation, higher is better: accuracy or minus error."""
        columns = self.run.columns("epochs") if self.run.rows("epochs") else []
        for name, sign in (("val_mae", -1.0), ("val_accuracy", 1.0)):
            if name in columns:
                values = self.run.column("epochs", name)[self.run.current_rows("epochs")]
                return [float(value) for value in sign * values[np.isfinite(values)]]
        return []

    def last_line(self) -> str:
        """Return the last line that its trainer wrote, "" for none."""
        return last_line_of(self.paths.trainer_log)

    def stop(self) -> None:
        """Ask the trainer to end after its step, as `asgml ctl RUN stop` does."""
        if not self.asked_to_stop:
            send(self.paths.commands, make_request("stop", how="after_step"))
            self.asked_to_stop = True


@dataclass
class Trial:
    """Values that are tried, and the runs that try them by seed; None for one that is to begin."""

    number: int
    values: Mapping[str, Any]
    runs: dict[int, TrialRun | None] = field(default_factory=dict)
    state: TrialState = "running"
    judged: int = 0  # evaluations at which pruning has been decided
    pruned: bool = False
    gave_up: bool = False

    @property
    def ending(self) -> bool:
        """Return True once its runs were asked to stop."""
        return self.pruned or self.gave_up

    @property
    def waiting(self) -> list[int]:
        """Return the seeds of the runs that are to begin."""
        return [seed for seed, run in self.runs.items() if run is None]

    @property
    def begun(self) -> list[TrialRun]:
        return [run for run in self.runs.values() if run is not None]

    def living(self) -> int:
        """Return how many of its trainers are at work."""
        return sum(run.run.state() in ALIVE for run in self.begun)

    def intermediate(self) -> list[float]:
        """Return the mean score at each evaluation that all runs which have begun have reached."""
        curves = [run.scores() for run in self.begun]
        return [sum(each) / len(each) for each in zip(*curves, strict=False)] if curves else []

    def value(self) -> float | None:
        """Return the mean over the seeds of each run's best score; None before there is one."""
        best = [max(scores) for run in self.begun if (scores := run.scores())]
        return sum(best) / len(best) if best and len(best) == len(self.runs) else None

    def prune(self) -> None:
        """Ask the runs to stop: the values are not worth their time."""
        self.pruned = True
        self._stop()

    def give_up(self) -> None:
        """Ask the runs to stop: one of them has failed or diverged."""
        self.gave_up = True
        self._stop()

    def _stop(self) -> None:
        """Stop what runs; what has not begun never will."""
        self.runs = {seed: run for seed, run in self.runs.items() if run is not None}
        for run in self.begun:
            if run.run.state() in ALIVE:
                run.stop()
