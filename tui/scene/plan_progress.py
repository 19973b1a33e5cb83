"""A plan of one moment: the state and value of each cell, rows × seeds, and the time remaining."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asgml.storage.format.status import ALIVE, ENDED_BADLY
from asgml.storage.runs.ensemble_record import EnsembleRecord
from asgml.storage.runs.plan_cells import CellRuns
from asgml.storage.runs.plan_record import PlanCell, PlanRecord
from asgml.storage.runs.record import RunRecord
from asgml.tui.scene.run_row import Spread, number_of

WAITING, DONE, STALE, FAILED, DIVERGED = "waiting", "done", "stale", "failed", "diverged"
"""States of a cell beside those of its run: no run yet; a value; a run with other settings than
the plan asks for; a run that failed, crashed or cannot be read; one that diverged."""
SILENT = "silent"
"""State of a cell whose trainer gives no sign; of a run alone that is called stale."""
_TELLS = 0.1
"""Share of a training from which its time so far tells how long all of it will take."""


@dataclass(frozen=True)
class CellProgress:
    """One cell: its state, the value of the plan's metric, and how far its run is.

    `course` has the validation scores of a run that trains, in the order of its epochs.
    """

    cell: PlanCell
    state: str = WAITING
    value: float = math.nan
    share: float = 0.0
    record: RunRecord | None = None
    course: str = ""


@dataclass(frozen=True)
class RowProgress:
    """One row: a cell for each seed of the plan, None where the row has none; and their spread."""

    label: str
    cells: tuple[CellProgress | None, ...]

    @property
    def spread(self) -> Spread | None:
        """Mean and deviation of the values so far."""
        values = [cell.value for cell in self.cells if cell is not None and cell.state == DONE]
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return None
        std = statistics.stdev(finite) if len(finite) > 1 else math.nan
        return Spread(statistics.fmean(finite), std, len(finite), len(finite) == len(self.cells))


@dataclass(frozen=True)
class PlanProgress:
    """The plan in `folder`. `remaining` is in seconds, None while nothing tells it."""

    folder: Path
    plan: PlanRecord | None = None
    rows: tuple[RowProgress, ...] = ()
    remaining: float | None = None
    problem: str = ""

    @property
    def cells(self) -> list[CellProgress]:
        return [cell for row in self.rows for cell in row.cells if cell is not None]

    @property
    def at_rest(self) -> bool:
        """True where cells are left and none of them is training."""
        return self.counts[WAITING] > 0 and not self.counts["running"]

    @property
    def counts(self) -> Counter[str]:
        """The number of cells in each state; runs that live count as running."""
        return Counter(
            "running" if cell.state in ALIVE or cell.state == SILENT else cell.state
            for cell in self.cells
        )


def build_plan(
    folder: Path,
    plan: PlanRecord,
    records: Iterable[RunRecord],
    ensembles: Mapping[str, EnsembleRecord],
    courses: Mapping[Path, str],
) -> PlanProgress:
    """Return the plan's state as its runs tell it.

    `records` are those of the plan's folder, `ensembles` by the name of their cell, `courses`
    sparklines of the runs that train.
    """
    runs = CellRuns(records)
    cells: dict[tuple[int, int], CellProgress] = {}
    for cell in plan.cells:
        ensemble = ensembles.get(cell.run)
        cells[cell.row, cell.seed] = (
            _of_ensemble(plan, cell, ensemble)
            if ensemble is not None
            else _of_run(plan, cell, runs, courses)
        )
    rows = tuple(
        RowProgress(row.label, tuple(cells.get((place, seed)) for seed in plan.seeds))
        for place, row in enumerate(plan.rows)
    )
    return PlanProgress(folder, plan, rows, remaining_seconds(list(cells.values())))


def _of_ensemble(plan: PlanRecord, cell: PlanCell, ensemble: EnsembleRecord) -> CellProgress:
    state = DONE if ensemble.digest == cell.digest else STALE
    return CellProgress(cell, state, ensemble.values.get(plan.metric, math.nan), 1.0)


def _of_run(
    plan: PlanRecord, cell: PlanCell, runs: CellRuns, courses: Mapping[Path, str]
) -> CellProgress:
    record, stale = runs.find(cell)
    if record is None:
        return CellProgress(cell)
    state = STALE if stale else state_of_cell(record)
    value, course = number_of(record, plan.metric), courses.get(record.path, "")
    return CellProgress(cell, state, value, share_of(record), record, course)


def state_of_cell(record: RunRecord) -> str:
    """Return the state of a cell whose run has the settings asked for."""
    if record.state == DIVERGED:
        return DIVERGED
    if record.state in ENDED_BADLY or record.state == "unreadable":
        return FAILED
    return {"finished": DONE, "stale": SILENT}.get(record.state, record.state)


def share_of(record: RunRecord) -> float:
    """Return how much of its steps a run has trained, from 0 to 1."""
    if record.state == "finished":
        return 1.0
    if not record.total_steps or record.step is None:
        return 0.0
    return min(record.step / record.total_steps, 1.0)


def remaining_seconds(cells: Sequence[CellProgress]) -> float | None:
    """Return the seconds until the plan is done.

    None where nothing is training, and before a cell has come far enough to tell.

    A cell takes as long as the mean of its row, else of all; as many are trained side by side as
    are trained now. Cells that failed, diverged or are stale are left as they are.
    """
    left = [cell for cell in cells if cell.state not in (DONE, FAILED, DIVERGED, STALE)]
    each = [_seconds_of(cell, cells) * (1 - cell.share) for cell in left]
    running = sum(cell.state in ALIVE for cell in left)
    seconds = sum(each) / running if running else math.nan
    return seconds if math.isfinite(seconds) else None


def _seconds_of(cell: CellProgress, cells: Sequence[CellProgress]) -> float:
    """Return the seconds that the whole training of a cell takes, NaN where nothing tells."""
    same_row = [other for other in cells if other.cell.row == cell.cell.row]
    for known in (_whole_trainings(same_row), _whole_trainings(cells)):
        if known:
            return statistics.fmean(known)
    return math.nan


def _whole_trainings(cells: Sequence[CellProgress]) -> list[float]:
    return [
        cell.record.seconds / cell.share
        for cell in cells
        if cell.record is not None and cell.record.seconds and cell.share > _TELLS
        if cell.state == DONE or cell.state in ALIVE
    ]
