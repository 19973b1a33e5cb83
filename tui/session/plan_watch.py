"""A plan on screen: its record, its ensembles, and the courses of its runs that train."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunNotFoundError
from asgml.storage.format.manifest import manifest_from_json
from asgml.storage.format.status import ALIVE
from asgml.storage.format.user_path import why
from asgml.storage.runs.ensemble_record import EnsembleRecord, ensemble_file, read_ensemble
from asgml.storage.runs.plan_record import FILE, PlanRecord, read_plan_record
from asgml.storage.runs.record import RunRecord
from asgml.tui.plot.smoothing import sparkline
from asgml.tui.scene.plan_progress import PlanProgress, build_plan

if TYPE_CHECKING:
    from asgml.storage.read.store_reader import StoreReader

_SCORES = ("val_accuracy", "val_mae")
_CELLS = 8
_UNREADABLE = (OSError, FormatError, RunNotFoundError, RuntimeError, ValueError, KeyError)


class PlanWatch:
    """The plan of one folder; what has not changed is not read again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._plan: PlanRecord | None = None
        self._read_at: tuple[int, int] | None = None
        self._stores: dict[Path, ValidationCourse] = {}
        self._before: PlanProgress | None = None

    def progress(self, records: Sequence[RunRecord]) -> PlanProgress | None:
        """Return the plan as it is now, None where it is as it was."""
        progress = self._build(records)
        if progress == self._before:
            return None
        self._before = progress
        return progress

    def _build(self, records: Sequence[RunRecord]) -> PlanProgress:
        try:
            plan = self._current_plan()
        except (OSError, FormatError) as error:
            return PlanProgress(self._folder, problem=why(error))
        mine = [record for record in records if record.path.parent == self._folder]
        ensembles, courses = self._ensembles(plan, mine), self._courses(mine)
        return build_plan(self._folder, plan, mine, ensembles, courses)

    def _current_plan(self) -> PlanRecord:
        status = (self._folder / FILE).stat()
        stamp = (status.st_mtime_ns, status.st_size)
        if self._plan is None or stamp != self._read_at:
            self._plan, self._read_at = read_plan_record(self._folder), stamp
        return self._plan

    def _ensembles(
        self, plan: PlanRecord, records: Sequence[RunRecord]
    ) -> dict[str, EnsembleRecord]:
        """Return the ensembles of the cells that have no run."""
        runs = {record.path.name for record in records}
        names = [cell.run for cell in plan.cells if cell.run not in runs]
        found = {name: read_ensemble(ensemble_file(self._folder, name)) for name in names}
        return {name: ensemble for name, ensemble in found.items() if ensemble is not None}

    def _courses(self, records: Sequence[RunRecord]) -> dict[Path, str]:
        found: dict[Path, str] = {}
        for path in (record.path for record in records if record.state in ALIVE):
            with contextlib.suppress(*_UNREADABLE):
                found[path] = self._stores.setdefault(path, ValidationCourse(path)).text()
        return found


class ValidationCourse:
    """The validation scores of a run that trains, as a sparkline."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._store: StoreReader | None = None
        self._rows, self._text = 0, ""

    def text(self) -> str:
        """Read the epochs that are new, and return the sparkline."""
        from asgml.storage.format.layout import RunPaths
        from asgml.storage.read.store_reader import StoreReader
        from asgml.storage.read.table import Table

        self._store = store = self._store or StoreReader(RunPaths(self._path).store)
        head = store.head()
        rows = head.rows["epochs"] if head is not None else 0
        if rows and rows != self._rows:
            names = manifest_from_json(store.attributes() or {}).columns("epochs")
            table = store.read("epochs", 0, rows, Table(names))
            score = next((name for name in _SCORES if name in names), None)
            if table is not None and score is not None:
                scores = table[:, names.index(score)]
                known = scores[np.isfinite(scores)]
                self._text = sparkline(known, min(_CELLS, len(known)))
            self._rows = rows
        return self._text
