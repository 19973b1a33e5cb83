"""The list of runs. Of each only the head record and a few rows are read, whatever its size."""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asgml.storage.format.layout import RunNotFoundError, RunPaths, list_runs
from asgml.storage.format.manifest import FormatError, Manifest, manifest_from_json
from asgml.storage.format.metrics import AXES
from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import Head
from asgml.tui.messages import RunLine

if TYPE_CHECKING:
    from asgml.storage.read.store_reader import StoreReader

_MOST = 40
"""Runs in the list, the newest ones."""
_RECENT = 64
"""Rows that the step time of a run is measured on."""

_UNREADABLE = (
    OSError, FormatError, RunNotFoundError, RuntimeError, ValueError, KeyError, TypeError,
)  # fmt: skip


class RunList:
    """The newest runs of a directory."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self._summaries: dict[Path, RunSummary] = {}

    def lines(self) -> tuple[RunLine, ...]:
        """Return the runs that can be read: the list must not fail for one that cannot."""
        lines = []
        for paths in list_runs(self.runs)[:_MOST]:
            with contextlib.suppress(*_UNREADABLE):
                lines.append(self._summaries.setdefault(paths.root, RunSummary(paths)).line())
        return tuple(lines)


class RunSummary:
    """State, step and best validation accuracy of one run. Keeps what cannot have changed."""

    def __init__(self, paths: RunPaths) -> None:
        self._paths = paths
        self._store: StoreReader | None = None
        self._manifest: Manifest | None = None
        self._epochs = -1
        self._best = math.nan

    def line(self) -> RunLine:
        """Read what is new and return the run's line in the list."""
        from asgml.storage.read.liveness import state_without_store
        from asgml.storage.read.store_reader import StoreReader

        self._store = store = self._store or StoreReader(self._paths.store)
        name, head = safe(self._paths.name), store.head()
        if head is None:
            state = state_without_store(self._paths, time.time_ns())
            return RunLine(name, state, 0, 0, math.nan)
        manifest = self._read_manifest(store, head)
        state = self._state(store, head, manifest)
        epochs = head.rows["epochs"]
        if epochs != self._epochs:
            # counted after it was read: a value that cannot be read now is tried again
            self._best = _last(store, manifest, "epochs", "best_val_accuracy", epochs)
            self._epochs = epochs
        return RunLine(name, state, head.step, manifest.total_steps, self._best)

    def _read_manifest(self, store: StoreReader, head: Head) -> Manifest:
        # fewer rows than before: the run was made again under the same name
        if self._manifest is None or head.rows["epochs"] < self._epochs:
            store.forget()
            self._manifest = manifest_from_json(store.attributes() or {})
        return self._manifest

    def _state(self, store: StoreReader, head: Head, manifest: Manifest) -> str:
        from asgml.storage.read.liveness import state_of

        def step_seconds() -> float:
            return _median_step_seconds(store, head.rows["steps"])

        return state_of(head, manifest.host, time.time_ns(), step_seconds, self._paths)


def _median_step_seconds(store: StoreReader, rows: int) -> float:
    newest = store.read("steps", max(rows - _RECENT, 0), rows)
    if newest is None or len(newest) < 2:
        return 0.0
    return float(np.median(np.diff(newest[:, AXES.index("wall_time")])))


def _last(store: StoreReader, manifest: Manifest, table: str, column: str, rows: int) -> float:
    """Return the newest value of a column, NaN where there is none."""
    names = manifest.columns(table)
    known = rows and column in names
    newest = store.read(table, rows - 1, rows, len(names)) if known else None
    return math.nan if newest is None else float(newest[-1, names.index(column)])
