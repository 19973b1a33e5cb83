"""The status of a plan's cells as it is shown: state, progress and value of each, time left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from asgml.app.plans.cells import Cell, ResolvedPlan

OPEN = frozenset({"waiting", "starting", "running", "paused", "stopping", "silent"})
"""States of a cell that is not settled yet; `silent`: its trainer lives and gives no sign."""
TRAINING = OPEN - {"waiting"}
MOST_POINTS = 200


@dataclass
class CellStatus:
    """One run, or ensemble, that cells of a plan ask for.

    `state` is one of OPEN, `finished`, `failed` or `diverged` (with `problem`), `stopped` by the
    user, or `blocked` by a run that it needs.
    """

    cell: Cell
    state: str = "waiting"
    run: str = ""  # name of the directory, once there is one
    step: int = 0
    total: int = 0  # steps; 0 where unknown
    epoch: int = 0
    value: float = math.nan  # of the plan's metric, at the epoch that validation chose
    curve: list[float] = field(default_factory=list)  # validation accuracy by epoch
    seconds: float = 0.0  # of training so far
    took: float = 0.0  # seconds from the start of its process to its end; 0 where unknown
    problem: str = ""
    stale: tuple[str, ...] = ()  # names of earlier runs with other settings or data
    steered: tuple[str, ...] = ()  # knobs that the user has turned: not those of the row
    resumes: int = 0  # by this scheduler
    adopted: bool = False  # finished before this scheduler came

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def share(self) -> float:
        """Return how much of the training is done, 0 to 1."""
        if not self.open:
            return 1.0
        return min(self.step / self.total, 1.0) if self.total else 0.0


@dataclass(frozen=True)
class PlanProgress:
    """All statuses of a plan, by the name that its cells give the run."""

    plan: ResolvedPlan
    statuses: Mapping[str, CellStatus]
    jobs: int

    def of(self, cell: Cell) -> CellStatus:
        return self.statuses[cell.run]

    def count(self, *states: str) -> int:
        """Return how many runs are in one of these states."""
        return sum(status.state in states for status in self.statuses.values())

    def values(self, row: int) -> list[float]:
        """Return the values of a row's finished cells, in the order of its seeds."""
        found = (self.of(cell) for cell in self.plan.cells if cell.row == row)
        done = [status.value for status in found if status.state == "finished"]
        return [value for value in done if math.isfinite(value)]

    def seconds_left(self) -> float:
        """Return the seconds until all is done, NaN before a cell has finished or come far."""
        left = [status for status in self.statuses.values() if status.open]
        each = [self._seconds_of(status) * (1 - status.share) for status in left]
        return sum(each) / max(1, min(self.jobs, len(left))) if left else 0.0

    def _seconds_of(self, status: CellStatus) -> float:
        """Return what a cell's training takes: as its own row's, else as the others'."""
        if status.cell.ensemble:
            return 0.0
        others = [one for one in self.statuses.values() if not one.cell.ensemble]
        same_row = [one for one in others if one.cell.row == status.cell.row]
        return _mean_seconds(same_row) or _mean_seconds(others) or math.nan


def _mean_seconds(statuses: list[CellStatus]) -> float:
    """Return the mean seconds of a whole training, 0 where none has come far enough to tell."""
    whole = [one.took or one.seconds / one.share for one in statuses if _tells(one)]
    return sum(whole) / len(whole) if whole else 0.0


def _tells(status: CellStatus) -> bool:
    if status.state == "finished":
        return status.seconds > 0
    return status.state == "running" and status.share > 0.1 and status.seconds > 0
