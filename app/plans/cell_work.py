"""The work on one run of a plan: wait for what it needs, find or make it, follow it, resume it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from asgml.app.errors import UserError
from asgml.app.new_run import make_run
from asgml.app.plans.cell_status import TRAINING, CellStatus
from asgml.app.plans.cells import Cell
from asgml.app.plans.followed_run import FollowedRun, adopt
from asgml.app.plans.launchers import Launcher
from asgml.app.plans.plan_runs import PlanRuns, settings_digest
from asgml.core.config.run_settings import RunSettings
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import ALIVE
from asgml.storage.runs.settings import cell_digest


@dataclass(frozen=True)
class Place:
    """What all work of a plan shares."""

    folder: Path
    metric: str
    runs: PlanRuns
    launcher: Launcher
    threads: int  # of each trainer
    retry_failed: bool

    @classmethod
    def of(cls, folder: Path, metric: str, launcher: Launcher, *, retry_failed: bool) -> Place:
        """Return the place of a plan.

        All its trainers have the same number of threads, as it changes the order of sums on a CPU:
        that of the runs that are there already, else the launcher's share.
        """
        runs = PlanRuns(folder)
        threads = runs.threads or launcher.share.threads
        return cls(folder, metric, runs, launcher, threads, retry_failed)


class CellWork(Protocol):
    """The work on a run, or on an ensemble. `ready`: it could start, if there is room."""

    status: CellStatus
    digest: str
    ready: bool

    def look(self, others: Mapping[str, CellWork]) -> None:
        """Bring the status up to date; `others` by the names that cells give their runs."""
        ...

    def start(self) -> None:
        """Start a process for it; a failure to start becomes its status."""
        ...


def unmet(cell: Cell, others: Mapping[str, CellWork]) -> str | None:
    """Return why a cell cannot begin: "" for what is still to be trained, None where it can."""
    states = {name: others[name].status.state for name in cell.after}
    lost = [name for name, state in states.items() if state not in (*TRAINING, "waiting")]
    lost = [name for name in lost if states[name] != "finished"]
    if lost:
        return f"{lost[0]} is {states[lost[0]]}"
    return None if all(state == "finished" for state in states.values()) else ""


def wait_for(work: CellWork, others: Mapping[str, CellWork]) -> bool:
    """Return True once a cell can begin; put it into its status where it never will."""
    why = unmet(work.status.cell, others)
    if why:
        work.status.state, work.status.problem = "blocked", why
    return why is None


class TrainedCell:
    """The work on a run."""

    def __init__(self, cell: Cell, place: Place) -> None:
        self.status = CellStatus(cell)
        self.digest = cell.digest
        self.ready = False
        self._place = place
        self._settings: RunSettings | None = None  # with paths of runs as references
        self._run: FollowedRun | None = None
        self._found = False  # it was there before this scheduler
        self._started_at = 0.0  # monotonic, of the first process that this scheduler has started

    def look(self, others: Mapping[str, CellWork]) -> None:
        if self._run is not None:
            self._follow(self._run)
        elif self._settings is None and wait_for(self, others):
            self._settings = self._with_references(others)
            self.digest = settings_digest(self._settings)
            self._find(self._settings)

    def start(self) -> None:
        self.ready = False
        self._started_at = self._started_at or time.monotonic()
        try:
            if self._run is None:
                self._make()
            else:
                self.status.resumes += 1
                self._place.launcher.start(self._run.paths, resume=True)
            self.status.state = "starting"
        except (UserError, FormatError, OSError) as error:
            self._fail(str(error))

    def _find(self, settings: RunSettings) -> None:
        match = self._place.runs.match(self.status.cell.run, settings)
        self.status.stale = match.stale
        if match.record is None:
            self.ready = True
            return
        self._found, self.status.run = True, match.record.path.name
        # an earlier version's run lacks settings: the plan's record names it by its own digest
        self.digest = cell_digest(match.record.settings)
        if match.record.state == "finished":
            adopt(self.status, match.record, self._place.metric)
            return
        try:
            self._run = FollowedRun(RunPaths(match.record.path))
        except (FormatError, OSError) as error:
            self._fail(f"{error}; `asgml check` tells more")
            return
        self._follow(self._run)

    def _make(self) -> None:
        assert self._settings is not None
        threads = self._settings.threads or self._place.threads
        config = self._settings.model_copy(update={"threads": threads}).model_dump()
        name = self._place.runs.free_name(self.status.cell.run)
        paths = make_run(config, self._place.folder, name)
        self.status.run = name
        self._place.launcher.start(paths, resume=False)
        self._run = FollowedRun(paths)

    def _follow(self, run: FollowedRun) -> None:
        if self.ready:
            return
        state = run.read(self.status, self._place.metric)
        if state in ALIVE or state == "finished":
            self.status.state = state
            if state == "finished" and self._started_at and not self._found:
                self.status.took = time.monotonic() - self._started_at
        elif state == "stale" and run.here:
            self.status.state = "silent"
        elif self._place.launcher.state(run.paths.root) != "running":
            self._ended(run, state)

    def _ended(self, run: FollowedRun, state: str) -> None:
        """Settle a run without a trainer: resume it once, unless the user has just stopped it."""
        if state == "stopped" and (not self._found or self.status.resumes):
            self.status.state, self.status.problem = "stopped", "stopped by the user"
        elif self._may_resume(run, state):
            self.ready, self.status.state = True, "waiting"
        elif state == "diverged":
            self.status.state, self.status.problem = state, run.end_message()
        else:
            self._fail(run.last_line() or f"the trainer {state}")

    def _may_resume(self, run: FollowedRun, state: str) -> bool:
        if self.status.resumes or state == "stale":
            return False
        if state == "diverged":  # the same settings diverge again, but for luck on a GPU
            return self._found and self._place.retry_failed
        if not self._found:
            return run.began
        return state != "failed" or not run.was_resumed or self._place.retry_failed

    def _with_references(self, others: Mapping[str, CellWork]) -> RunSettings:
        """Return the settings with the path of each run that they name as a reference."""
        settings = self.status.cell.settings
        if not any(name in others for name in settings.references.values()):
            return settings
        paths = {
            m: str(self._place.folder / others[name].status.run) if name in others else name
            for m, name in settings.references.items()
        }
        return settings.model_copy(update={"references": paths})

    def _fail(self, problem: str) -> None:
        self.status.state, self.status.problem = "failed", problem
