"""The runs of a comparison, read one by one: living ones followed, ended ones read once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ENDED
from asgml.tui.scene.comparison import ComparedRun
from asgml.tui.scene.run_data import snapshot_tables
from asgml.tui.scene.scene_builder import SeriesStore, build_run_data, metric_rows

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run
    from asgml.storage.runs.record import RunRecord


class NotBegunError(ValueError):
    """A run whose trainer has published nothing yet."""


class RunFollower:
    """One run of a comparison. Keeps what it was drawn from, so that no change costs nothing.

    Raise RunNotFoundError, FormatError and OSError where it cannot be read.
    """

    def __init__(self, path: Path, name: str) -> None:
        # imports zarr, half a second: never before the first frame is painted
        from asgml.storage.read.reader import Run

        self._paths = RunPaths(path)
        self._name = safe(name)
        self._run: Run = Run.open(self._paths)
        self._series = SeriesStore()
        self._record: RunRecord | None = None
        self._state = self._run.state()
        self._drawn: tuple[Any, ...] = ()
        self._latest: ComparedRun | None = None

    def poll(self, smoothing: float) -> ComparedRun:
        """Return the run as it is now; the same object where nothing has changed.

        Raise NotBegunError while there is nothing to draw, FileNotFoundError where it has gone.
        """
        if self._state not in ENDED or self._latest is None:
            self._refresh()
        run, manifest = self._run, self._run.manifest
        if manifest is None:
            raise NotBegunError(f"{self._name} has recorded nothing yet")
        rows: dict[str, int] = {table: run.rows(table) for table in TABLES}
        content = (tuple(rows.values()), self._state, smoothing)
        if self._latest is None or content != self._drawn:
            data = build_run_data(manifest, snapshot_tables(run, rows), self._series, smoothing)
            known = frozenset(
                row.column
                for row in metric_rows(manifest, data, self._series)
                if not row.summary.idle
            )
            step = run.head.step if run.head else 0
            self._latest = ComparedRun(
                self._current_record(), self._state, step, manifest, data, known
            )
            self._drawn = content
        return self._latest

    def _refresh(self) -> None:
        if not self._paths.root.is_dir():
            raise FileNotFoundError(f"{self._name} is no longer there")
        self._run.refresh()
        self._state = self._run.state()

    def _current_record(self) -> RunRecord:
        """Return the record, read again when the state has changed: results come at the end."""
        from asgml.storage.runs.index import read_record

        if self._record is None or self._record.state != self._state:
            self._record = replace(read_record(self._paths, self._name), state=self._state)
        return self._record
