"""The reader: a run as it is published, live or finished, whole or cut off. Never writes, never waits for the writer."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from zarr.abc.store import Store

from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Value
from asgml.storage.format.layout import RunNotFoundError, RunPaths, is_run
from asgml.storage.format.manifest import FormatError, Manifest
from asgml.storage.format.metrics import AXES, TABLES
from asgml.storage.format.status import Head
from asgml.storage.read import liveness
from asgml.storage.read.history import step_limits
from asgml.storage.read.run_contents import RunContents
from asgml.storage.read.store_reader import StoreReader
from asgml.storage.read.table import Table

__all__ = [
    "FormatError",
    "Run",
    "RunNotFoundError",
    "events_until",
    "open_run",
    "rows_until",
    "wait_for_answer",
]

Rows = npt.NDArray[np.float64]
POLL_SECONDS = 0.02


def open_run(path: str | Path) -> Run:
    """Open the run in a directory, live or finished, for reading.

    Raise RunNotFoundError where there is none, FormatError where it cannot be read.
    """
    return Run.open(Path(path))


class Run:
    """One run. `refresh` brings it up to date; everything else answers from what was read then.

    Rows and events are in the order of their publication. `manifest` and `head` are None until the trainer has opened the store.
    """

    def __init__(self, paths: RunPaths, store: StoreReader) -> None:
        """For `open` and `open_store`."""
        self.paths = paths
        self._contents = RunContents(store)
        self._trouble = ""
        self._state = ""

    @classmethod
    def open(cls, path: Path | RunPaths) -> Run:
        """The run in a directory. Raises RunNotFoundError where there is none, FormatError where it cannot be read."""
        paths = path if isinstance(path, RunPaths) else RunPaths(Path(path))
        if not is_run(paths.root):
            raise RunNotFoundError(
                f"no run in {paths.root}: there is neither run.toml nor {paths.store.name}"
            )
        run = cls(paths, StoreReader.local(paths.store))
        run.refresh()
        return run

    @classmethod
    def open_store(cls, store: Store, name: str) -> Run:
        """The run in any Zarr store, for instance one on the network. `name` is what it is called."""
        run = cls(RunPaths(Path(name)), StoreReader(store))
        run.refresh()
        if run.manifest is None:
            raise RunNotFoundError(f"no run in {store}")
        return run

    # -- reading ----------------------------------------------------------------------

    @property
    def manifest(self) -> Manifest | None:
        return self._contents.manifest

    @property
    def head(self) -> Head | None:
        """The mark that everything was read up to."""
        return self._contents.head

    @property
    def problems(self) -> list[str]:
        """What could not be read, one line each."""
        return self._contents.store.problems + ([self._trouble] if self._trouble else [])

    def refresh(self) -> bool:
        """Reads what is new. True if anything may have changed, also the conclusion about the trainer."""
        moved = self._try_to_follow()
        state = self.state()
        changed, self._state = moved or state != self._state, state
        return changed

    def _try_to_follow(self) -> bool:
        """A disk that cannot be reached for a moment is a problem as long as it lasts."""
        before, self._trouble = self._trouble, ""
        try:
            return self._contents.follow() or before != ""
        except OSError as error:
            self._trouble = (
                f"cannot read {self.paths.store}: {type(error).__name__}: {error.strerror or error}"
            )
            return self._trouble != before

    # -- rows -------------------------------------------------------------------------

    def rows(self, table: str) -> int:
        return len(self._contents.tables[table]) if self._contents.tables else 0

    def columns(self, table: str) -> list[str]:
        return list(self._table(table).columns)

    def table(self, table: str) -> Rows:
        """All rows, without a copy: not to be written."""
        return self._table(table).rows

    def column(self, table: str, name: str) -> Rows:
        return self._table(table).column(name)

    def find_column(self, name: str) -> tuple[str, int]:
        """Table and index of the column. Raises KeyError that names what exists. Axes are found in `steps`."""
        for table, rows in self._contents.tables.items():
            if name in rows.columns:
                return table, rows.columns.index(name)
        known = sorted(
            {column for rows in self._contents.tables.values() for column in rows.columns}
        )
        raise KeyError(f"no column {name!r}; there are {', '.join(known) or 'none yet'}")

    def times(self, table: str) -> Rows:
        """Wall time at which each row was recorded; never decreases."""
        return self._table(table).times

    def rows_until(self, table: str, wall_time: float) -> int:
        return self._contents.tables[table].until(wall_time) if self._contents.tables else 0

    def rows_until_step(self, step: int) -> int:
        """How many rows of `steps` there are up to the last one that was recorded at this step or an earlier one."""
        reached = np.flatnonzero(self.column("steps", "step") <= step)
        return int(reached[-1]) + 1 if len(reached) else 0

    def current_rows(
        self, table: str, rows: int | None = None, wall_time: float = math.inf
    ) -> npt.NDArray[np.bool_]:
        """For each of the first `rows` rows, whether it counts: not superseded by a run that was resumed before it.

        `wall_time`: only resumes that had happened by then supersede anything, as a replay needs it.
        """
        values = self._table(table).rows[:rows]
        limits = step_limits(self._resume_steps(wall_time))
        counts = np.ones(len(values), np.bool_)
        step, segment = (
            self._table(table).column("step")[:rows],
            self._table(table).column("segment")[:rows],
        )
        for older, limit in limits.items():
            counts &= ~((segment == older) & (step > limit))
        return counts

    def timeline(self) -> Rows:
        """Seconds of training from the start to each row of `steps`; goes on where a resumed run's own count starts lower."""
        return self._table("steps").timeline()

    def _table(self, table: str) -> Table:
        if table not in TABLES:
            raise KeyError(f"no table {table!r}; there are {', '.join(TABLES)}")
        return self._contents.tables[table] if self._contents.tables else Table(AXES)

    def _resume_steps(self, wall_time: float) -> dict[int, int]:
        """From the events; a segment without a `resumed` event tells it by its first row."""
        if self.head is None or self.head.segment == 0:
            return {}
        told = self._contents.history.resume_steps(wall_time)
        until = self.rows_until("steps", wall_time)
        segment = self.column("steps", "segment")[:until] if until else np.empty(0)
        starts = np.flatnonzero(np.diff(segment) > 0) + 1
        steps = self.column("steps", "step") if until else segment
        rows = {
            int(segment[start]): int(steps[start]) - 1
            for start in starts
            if np.isfinite(steps[start])
        }
        return {**rows, **told}

    # -- events -----------------------------------------------------------------------

    @property
    def log_lines(self) -> list[str]:
        return self._contents.log_lines

    @property
    def events(self) -> list[Event]:
        """All published events, in order."""
        return self._contents.history.events

    def unfinished_line(self, text: str) -> bytes:
        """What is published of `events` or `log` after the last line break; nothing in a sound run."""
        return self._contents.history.rest if text == "events" else self._contents.log_rest

    def events_until(self, wall_time: float) -> int:
        return self._contents.history.until(wall_time)

    def answer_to(self, id: str) -> Event | None:
        """The event that answers the command with this id."""
        return self._contents.history.answer_to(id)

    def knobs_at(self, step: int | None = None, wall_time: float | None = None) -> dict[str, Value]:
        """Values of the knobs after `step` steps, as they were known at `wall_time`; both default to now."""
        known_at = math.inf if wall_time is None else wall_time
        limits = step_limits(self._resume_steps(known_at))
        knobs = self.manifest.knobs if self.manifest else ()
        return self._contents.history.knobs_at(
            knobs, math.inf if step is None else step, known_at, limits
        )

    # -- the trainer ------------------------------------------------------------------

    def state(self, now_ns: int | None = None) -> str:
        """One of starting, running, paused, stopping, finished, failed, stopped, stale, crashed."""
        now = time.time_ns() if now_ns is None else now_ns
        if self.head is None:
            return liveness.state_without_store(self.paths, now)
        return liveness.state_of(self.head, self.host, now, self._median_step_seconds, self.paths)

    def silent_for(self, now_ns: int) -> float:
        """Seconds since the last sign of life of the trainer."""
        return liveness.silent_for(self.head, now_ns) if self.head else 0.0

    @property
    def host(self) -> str:
        """Where the process runs that writes, or wrote last."""
        return self._contents.history.host or (self.manifest.host if self.manifest else "")

    def _median_step_seconds(self) -> float:
        times = self.times("steps")[-64:]
        times = times[np.isfinite(times)]
        return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def rows_until(run: Run, table: str, wall_time: float) -> int:
    """How many rows of the table were there at that time."""
    return run.rows_until(table, wall_time)


def events_until(run: Run, wall_time: float) -> int:
    """How many events had happened at that time."""
    return run.events_until(wall_time)


def wait_for_answer(run: Run, id: str, timeout: float) -> Event | None:
    """Refreshes the run until the command is answered. None when the time is over, or nobody is left to answer."""
    end = time.monotonic() + timeout
    while True:
        run.refresh()
        answer = run.answer_to(id)
        over = time.monotonic() >= end or run.state() in (
            "finished",
            "failed",
            "stopped",
            "crashed",
        )
        if answer is not None or over:
            return answer
        time.sleep(POLL_SECONDS)
