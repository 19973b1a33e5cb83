"""Another run, laid under the charts of the one on screen."""

from __future__ import annotations

from pathlib import Path

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.safe_text import safe
from asgml.tui.scene.run_data import Overlay, snapshot_tables
from asgml.tui.scene.scene_builder import SeriesStore, build_run_data


class OverlayRun:
    """A run to compare with, as it was when it was laid there. Raise RunNotFoundError."""

    def __init__(self, path: Path) -> None:
        from asgml.storage.read.reader import Run

        self._run = Run.open(RunPaths(path))
        self._run.refresh()
        self._series = SeriesStore()
        self.name = safe(self._run.paths.name)

    def overlay(self, smoothing: float) -> Overlay | None:
        """Return its curves; None for a run whose training never began."""
        run = self._run
        if run.manifest is None:
            return None
        tables = snapshot_tables(run, {table: run.rows(table) for table in TABLES})
        return Overlay(self.name, build_run_data(run.manifest, tables, self._series, smoothing))
