"""The runs beside the one on screen: the list of them, and one that is laid under the charts."""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asgml.storage.format.layout import RunNotFoundError, RunPaths, find_run, list_runs
from asgml.storage.format.manifest import FormatError, Manifest, manifest_from_json
from asgml.storage.format.metrics import AXES, TABLES
from asgml.storage.format.safe_text import safe
from asgml.tui.messages import RunLine
from asgml.tui.scene.run_data import Overlay, snapshot_tables
from asgml.tui.scene.scene_builder import SeriesStore, build_run_data

if TYPE_CHECKING:
    from asgml.storage.read.store_reader import StoreReader

_MOST = 40


class RunList:
    """The newest runs of a directory. Of each only the mark and a few rows are read: a list must not cost what its runs weigh."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._glances: dict[Path, RunSummary] = {}

    def lines(self) -> tuple[RunLine, ...]:
        """A run that cannot be read is left out: the list must not fail for it."""
        lines = []
        for paths in list_runs(self.runs)[:_MOST]:
            with contextlib.suppress(
                OSError,
                FormatError,
                RunNotFoundError,
                RuntimeError,
                ValueError,
                KeyError,
                TypeError,
            ):
                lines.append(self._glances.setdefault(paths.root, RunSummary(paths)).line())
        return tuple(lines)


class RunSummary:
    """What the list tells of one run: state, step and best validation accuracy."""

    def __init__(self, paths: RunPaths) -> None:
        self._paths = paths
        self._source: StoreReader | None = None
        self._manifest: Manifest | None = None
        self._rows = -1
        self._best = math.nan

    def line(self) -> RunLine:
        from asgml.storage.read.liveness import state_of, state_without_store
        from asgml.storage.read.store_reader import StoreReader

        self._source = source = self._source or StoreReader(self._paths.store)
        now, name, head = time.time_ns(), safe(self._paths.name), source.head()
        if head is None:
            return RunLine(name, state_without_store(self._paths, now), 0, 0, math.nan)
        if (
            self._manifest is None or head.rows["epochs"] < self._rows
        ):  # made again under the same name
            source.forget()
            self._manifest = manifest_from_json(source.attributes() or {})
        manifest = self._manifest
        state = state_of(
            head,
            manifest.host,
            now,
            lambda: self._median_step_seconds(source, head.rows["steps"]),
            self._paths,
        )
        if head.rows["epochs"] != self._rows:
            self._best, self._rows = (
                _last(source, manifest, "epochs", "best_val_accuracy", head.rows["epochs"]),
                head.rows["epochs"],
            )
        return RunLine(name, state, head.step, manifest.total_steps, self._best)

    def _median_step_seconds(self, source: StoreReader, rows: int) -> float:
        newest = source.read("steps", max(rows - 64, 0), rows)
        return (
            float(np.median(np.diff(newest[:, AXES.index("wall_time")])))
            if newest is not None and len(newest) > 1
            else 0.0
        )


def _last(source: StoreReader, manifest: Manifest, table: str, column: str, rows: int) -> float:
    """The newest value of a column."""
    names = manifest.columns(table)
    newest = source.read(table, rows - 1, rows) if rows and column in names else None
    return math.nan if newest is None else float(newest[-1, names.index(column)])


class OverlayRun:
    """Another run, to be compared with."""

    def __init__(self, word: str, runs: Path) -> None:
        from asgml.storage.read.reader import Run

        self._run = Run.open(find_run(word, runs))
        self._run.refresh()
        self._series = SeriesStore()
        self.name = safe(self._run.paths.name)

    def overlay(self, smoothing: float) -> Overlay | None:
        run = self._run
        if run.manifest is None:
            return None
        tables = snapshot_tables(run, {table: run.rows(table) for table in TABLES})
        data = build_run_data(run.manifest, tables, self._series, smoothing)
        return Overlay(self.name, data)
