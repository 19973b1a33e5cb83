"""The work on one ensemble of a plan: evaluated once its members are finished, kept as a file."""

from __future__ import annotations

import math
from collections.abc import Mapping

from asgml.app.errors import RunFailedError
from asgml.app.plans.cell_status import CellStatus
from asgml.app.plans.cell_work import CellWork, Place, wait_for
from asgml.app.plans.cells import Cell
from asgml.app.plans.followed_run import last_line_of
from asgml.storage.runs.ensemble_record import ensemble_file, read_ensemble


class EnsembleCell:
    """The work on an ensemble. Its file holds while members and digest are those asked for."""

    def __init__(self, cell: Cell, place: Place) -> None:
        self.status = CellStatus(cell)
        self.digest = cell.digest
        self.ready = False
        self._place = place
        self._file = ensemble_file(place.folder, cell.run)
        self._members: tuple[str, ...] = ()

    def look(self, others: Mapping[str, CellWork]) -> None:
        if self.status.state == "running":
            self._follow()
        elif not self._members and wait_for(self, others):
            self._members = tuple(others[name].status.run for name in self.status.cell.ensemble)
            self.status.adopted = self._take()
            self.ready = not self.status.adopted

    def start(self) -> None:
        self.ready = False
        device = self.status.cell.settings.device
        runs = [str(self._place.folder / name) for name in self._members]
        try:
            self._place.launcher.evaluate(self._file, [self.digest, device, *runs])
            self.status.state = "running"
        except (RunFailedError, OSError) as error:
            self._fail(str(error))

    def _follow(self) -> None:
        if self._place.launcher.state(self._file) != "running" and not self._take():
            self._fail(last_line_of(self._file.with_suffix(".log")) or "no result was written")

    def _take(self) -> bool:
        """Take the result into the status; return False where there is none that holds."""
        record = read_ensemble(self._file)
        if record is None or (record.members, record.digest) != (self._members, self.digest):
            return False
        self.status.value = record.values.get(self._place.metric, math.nan)
        self.status.state, self.status.run = "finished", self.status.cell.run
        return True

    def _fail(self, problem: str) -> None:
        self.status.state, self.status.problem = "failed", problem
