"""The scheduler: has every cell of a plan trained once, and remembers nothing but the runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from asgml.app.errors import DIVERGED, FAILED, OK, RejectedError
from asgml.app.plans.cell_status import TRAINING, PlanProgress
from asgml.app.plans.cell_work import CellWork, Place, TrainedCell
from asgml.app.plans.cells import Cell, ResolvedPlan
from asgml.app.plans.ensemble_cell import EnsembleCell
from asgml.app.plans.launchers import Launcher, LocalLauncher
from asgml.app.plans.resources import Share
from asgml.storage.format.lock_owner import read_owner
from asgml.storage.runs.plan_record import PlanCell, PlanRecord, write_plan_record
from asgml.storage.write.lock import WriterLock, WriterLockedError

LOCK = "scheduler.lock"
POLL_SECONDS = 0.25
FIRST_LOOK_SECONDS = 0.5
OnChange = Callable[[PlanProgress], None]


@dataclass(frozen=True)
class PlanOutcome:
    """What became of a plan, and its record as it was written."""

    progress: PlanProgress
    record: PlanRecord

    @property
    def whole(self) -> bool:
        """Return True where every cell that was wanted is finished."""
        done = self.progress.count("finished", "left out")
        return done == len(self.progress.statuses)

    @property
    def exit_code(self) -> int:
        """Return OK for a whole plan, DIVERGED where nothing but divergence stood in its way."""
        if self.whole:
            return OK
        known = self.progress.count("finished", "left out", "diverged", "blocked")
        alone = known == len(self.progress.statuses) and self.progress.count("diverged")
        return DIVERGED if alone else FAILED


def run_plan(
    plan: ResolvedPlan,
    folder: Path,
    *,
    jobs: int,
    launcher: Launcher,
    on_change: OnChange = lambda _: None,
    wanted: Collection[str] | None = None,
    retry_failed: bool = False,
) -> PlanOutcome:
    """Train what is missing of a plan in its folder of runs, `jobs` at a time; return at the end.

    `wanted`: the names that cells give the runs that may be trained, all by default. A finished
    cell is never trained again, a living one waited for, an interrupted or failed one resumed once.
    Ctrl-C (KeyboardInterrupt) leaves the trainers at work. Raise RejectedError where another
    scheduler is at work in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        place = Place.of(folder.resolve(), plan.metric, launcher, retry_failed=retry_failed)
        scheduler = _Scheduler(plan, place, jobs, wanted)
        while scheduler.advance():
            on_change(scheduler.progress)
            time.sleep(POLL_SECONDS)
        on_change(scheduler.progress)
        return PlanOutcome(scheduler.progress, scheduler.record())


def inspect_plan(
    plan: ResolvedPlan, folder: Path, wanted: Collection[str] | None = None
) -> PlanProgress:
    """Return what is there of a plan, without starting or writing anything."""
    launcher = LocalLauncher(Share(1, 1))
    place = Place.of(folder.resolve(), plan.metric, launcher, retry_failed=False)
    scheduler = _Scheduler(plan, place, 1, wanted)
    while scheduler.looking:
        scheduler.look_first()
    return scheduler.progress


class _Scheduler:
    """One pass after the other over the work that is not settled."""

    def __init__(
        self, plan: ResolvedPlan, place: Place, jobs: int, wanted: Collection[str] | None
    ) -> None:
        self._plan, self._place, self._jobs = plan, place, jobs
        self._work: dict[str, CellWork] = {}
        for cell in _in_order(plan):  # cells of the same settings share their run
            kind = EnsembleCell if cell.ensemble else TrainedCell
            self._work.setdefault(cell.run, kind(cell, place))
        statuses = {name: one.status for name, one in self._work.items()}
        self.progress = PlanProgress(plan, statuses, jobs)
        self._wanted = self._work.keys() if wanted is None else wanted
        self._unseen = list(self._work.items())
        self._written: PlanRecord | None = None

    def advance(self) -> bool:
        """Look at all that is open, start what has room; return True while anything is open."""
        if self.looking:
            return self.look_first()
        still_open = [one for one in self._work.values() if one.status.open]
        for one in still_open:
            one.look(self._work)
        self._write_record()
        room = self._jobs - self.progress.count(*TRAINING)
        for one in [one for one in still_open if one.ready][: max(room, 0)]:
            if self._place.launcher.has_room():
                one.start()
        return any(one.status.open for one in self._work.values())

    @property
    def looking(self) -> bool:
        """Return True while not all that may be there was looked at."""
        return bool(self._unseen)

    def look_first(self) -> bool:
        """Look for a moment at what may be there; nothing starts before all is known."""
        until = time.monotonic() + FIRST_LOOK_SECONDS
        while self._unseen and time.monotonic() < until:
            name, work = self._unseen.pop(0)
            work.look(self._work)
            if work.status.state in ("waiting", "blocked") and name not in self._wanted:
                work.status.state = "left out"
        return True

    def record(self) -> PlanRecord:
        """Return the plan with the names that its runs have."""
        record = self._plan.record()
        return replace(record, cells=tuple(self._as_it_is(cell) for cell in record.cells))

    def _write_record(self) -> None:
        """Write plan.json at the start, and when a cell's run has another name than planned."""
        record = self.record()
        if record != self._written:
            write_plan_record(self._place.folder, record)
            self._written = record

    def _as_it_is(self, cell: PlanCell) -> PlanCell:
        work = self._work[cell.run]
        return replace(cell, run=work.status.run or cell.run, digest=work.digest)


def _in_order(plan: ResolvedPlan) -> list[Cell]:
    """Return the cells in the order of their start: needed ones first, then seed by seed."""
    needed = {name for cell in plan.cells for name in cell.after if not cell.ensemble}
    seeds = {seed: place for place, seed in enumerate(plan.seeds)}
    return sorted(
        plan.cells, key=lambda cell: (cell.run not in needed, seeds.get(cell.seed, 0), cell.row)
    )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a plan's folder. Raise RejectedError where another scheduler has it."""
    try:
        lock = WriterLock(folder / LOCK)
    except WriterLockedError:
        owner = read_owner(folder / LOCK)
        who = f"process {owner.pid} on {owner.host}" if owner else "another process"
        raise RejectedError(
            f"the plan in {folder} is being trained by {who}; wait for it, or end it "
            "and come again: its trainers go on"
        ) from None
    try:
        yield
    finally:
        lock.release()
