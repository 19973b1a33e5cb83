"""The runs beside the one on screen: the list of them, and one that is laid under the charts."""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from storage.layout import RunNotFoundError, RunPaths, find_run, list_runs
from storage.manifest import FormatError
from storage.metrics import TABLES
from tui.format import safe
from tui.messages import RunLine
from tui.picture import Tracks, cut_tables, smoothed_columns
from tui.scene import Overlay

if TYPE_CHECKING:
    from storage.reader import Run

_MOST = 40


class RunList:
    """The newest runs of a directory. Runs stay open, so that a later look reads only what is new."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._open: dict[Path, Run] = {}

    def lines(self) -> tuple[RunLine, ...]:
        """A run that cannot be read is left out: the list must not fail for it."""
        lines = []
        for paths in list_runs(self.runs)[:_MOST]:
            with contextlib.suppress(OSError, FormatError, RunNotFoundError, RuntimeError, ValueError):
                lines.append(self._line(paths))
        return tuple(lines)

    def _line(self, paths: RunPaths) -> RunLine:
        from storage.reader import Run

        run = self._open.get(paths.root) or Run.open(paths)
        self._open[paths.root] = run
        run.refresh()
        steps = run.table("steps") if run.manifest else None
        active = float(steps[-1, run.columns("steps").index("active_time")]) if steps is not None and len(steps) else 0.0
        total = run.manifest.total_steps if run.manifest else 0
        return RunLine(safe(paths.name), run.state(time.time_ns()), run.head.step if run.head else 0, total, _best(run), active)


class Beneath:
    """Another run, to be compared with."""

    def __init__(self, word: str, runs: Path) -> None:
        from storage.reader import Run

        self._run = Run.open(find_run(word, runs))
        self._run.refresh()
        self._tracks = Tracks()
        self.name = safe(self._run.paths.name)

    def overlay(self, smoothing: float) -> Overlay | None:
        run = self._run
        if run.manifest is None:
            return None
        cuts = cut_tables(run, {table: run.rows(table) for table in TABLES})
        starts = [float(cut.column("wall_time")[0]) for cut in cuts.values() if cut.rows]
        return Overlay(self.name, cuts, smoothed_columns(run.manifest, cuts, self._tracks, smoothing), min(starts, default=0.0))


def _best(run: Run) -> float:
    if run.manifest is None or "best_val_accuracy" not in run.columns("epochs") or run.rows("epochs") == 0:
        return math.nan
    return float(run.column("epochs", "best_val_accuracy")[-1])
