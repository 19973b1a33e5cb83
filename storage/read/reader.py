"""A run as it is published, live or ended; reading it never waits for its writer."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asgml.storage.format.errors import FormatError
from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Value
from asgml.storage.format.layout import RunNotFoundError, RunPaths, is_run
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import AXES, TABLES
from asgml.storage.format.status import Head
from asgml.storage.read import liveness, segments
from asgml.storage.read.run_contents import RunContents
from asgml.storage.read.store_reader import StoreReader
from asgml.storage.read.table import Table, find_column

__all__ = ["FormatError", "Run", "RunNotFoundError", "open_run"]

Rows = npt.NDArray[np.float64]


def open_run(path: str | Path) -> Run:
    """Open the run in a directory, live or ended, for reading.

    Raise RunNotFoundError where there is none, FormatError where it cannot be read.
    """
    return Run.open(Path(path))


class Run:
    """One run. `refresh` brings it up to date; all else answers from what was read then.

    Rows and events are in the order of their publication. `manifest` and `head` are None until
    the trainer has opened the store.
    """

    def __init__(self, paths: RunPaths) -> None:
        """Make a run that has read nothing yet; `open` makes one that has."""
        self.paths = paths
        self._contents = RunContents(StoreReader(paths.store))
        self._state = ""

    @classmethod
    def open(cls, path: Path | RunPaths) -> Run:
        """Open the run in a directory.

        Raise RunNotFoundError where there is none, FormatError where it cannot be read.
        """
        paths = path if isinstance(path, RunPaths) else RunPaths(Path(path))
        if not is_run(paths.root):
            raise RunNotFoundError(
                f"no run in {paths.root}: there is neither run.toml nor {paths.store.name}"
            )
        run = cls(paths)
        run.refresh()
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
        """The pieces that could not be read, one line each."""
        return self._contents.problems

    def refresh(self) -> bool:
        """Read what is new. Return True if anything may have changed, the state included."""
        moved = self._contents.follow()
        state = self._conclusion(time.time_ns())
        if state is None:  # the trainer ended since the mark was read
            moved = self._contents.follow() or moved
            state = self.state()
        changed, self._state = moved or state != self._state, state
        return changed

    # -- rows -------------------------------------------------------------------------

    def rows(self, table: str) -> int:
        """Return the number of rows of a table."""
        return len(self._contents.tables[table]) if self._contents.tables else 0

    def columns(self, table: str) -> list[str]:
        return list(self._table(table).columns)

    def table(self, table: str) -> Rows:
        """Return all rows, shape (rows, columns), without a copy: not to be written."""
        return self._table(table).rows

    def column(self, table: str, name: str) -> Rows:
        return self._table(table).column(name)

    def find_column(self, name: str) -> tuple[str, int]:
        """Return table and index of a column; axes are found in `steps`.

        Raise KeyError that names the columns that exist.
        """
        return find_column(self._contents.tables, name)

    def times(self, table: str) -> Rows:
        """Return the unix time at which each row was recorded, never decreasing."""
        return self._table(table).times

    def rows_until(self, table: str, wall_time: float) -> int:
        """Return the number of rows that were visible at a unix time."""
        return self._contents.tables[table].until(wall_time) if self._contents.tables else 0

    def rows_until_step(self, step: int) -> int:
        """Return the number of rows of `steps` up to the last one at this step or before it."""
        reached = np.flatnonzero(self.column("steps", "step") <= step)
        return int(reached[-1]) + 1 if len(reached) else 0

    def current_rows(
        self, table: str, rows: int | None = None, wall_time: float = math.inf
    ) -> npt.NDArray[np.bool_]:
        """Return for each of the first `rows` rows True unless a resume has superseded it.

        `wall_time`: only resumes up to this unix time count, as a replay needs it.
        """
        return segments.current_rows(self._table(table), rows, self._step_limits(wall_time))

    def timeline(self) -> Rows:
        """Return the seconds of training from the start to each row of `steps`."""
        return self._table("steps").timeline()

    def _table(self, table: str) -> Table:
        if table not in TABLES:
            raise KeyError(f"no table {table!r}; there are {', '.join(TABLES)}")
        return self._contents.tables[table] if self._contents.tables else Table(AXES)

    def _step_limits(self, wall_time: float) -> dict[int, float]:
        """Return segment → its last step that was not trained again, as known at a unix time."""
        if self.head is None or self.head.segment == 0:
            return {}
        history = self._contents.history
        return segments.step_limits(segments.resume_steps(self._table("steps"), history, wall_time))

    # -- events -----------------------------------------------------------------------

    @property
    def log_lines(self) -> list[str]:
        return self._contents.log_lines

    @property
    def events(self) -> list[Event]:
        """All published events, in order."""
        return self._contents.history.events

    def unfinished_line(self, text: str) -> bytes:
        """Return the end of `events` or `log` after the last line feed; b"" in a sound run."""
        return self._contents.history.rest if text == "events" else self._contents.log_rest

    def events_until(self, wall_time: float) -> int:
        """Return the number of events that were visible at a unix time."""
        return self._contents.history.until(wall_time)

    def answer_to(self, id: str) -> Event | None:
        """Return the event that answers the command of this id, None before there is one."""
        return self._contents.history.answer_to(id)

    def knobs_at(self, step: int | None = None, wall_time: float | None = None) -> dict[str, Value]:
        """Return the knobs' values after `step` steps, as known at a unix time; default: now."""
        after = math.inf if step is None else step
        known_at = math.inf if wall_time is None else wall_time
        limits = self._step_limits(known_at)
        knobs = self.manifest.knobs if self.manifest else ()
        return self._contents.history.knobs_at(knobs, after, known_at, limits)

    # -- the trainer ------------------------------------------------------------------

    def state(self, now_ns: int | None = None) -> str:
        """Return the state, one of `status.STATES`, at a unix time in ns; default: now.

        A run that has ended since it was read is as it was read, until the next `refresh`.
        """
        before = self.head.state.label if self.head else "starting"
        return self._conclusion(time.time_ns() if now_ns is None else now_ns) or before

    def _conclusion(self, now_ns: int) -> str | None:
        """Return the state, None where more has to be read to tell it."""
        if self.head is None:
            return liveness.state_without_store(self.paths, now_ns)
        return liveness.state_of(self.head, self.host, now_ns, self.median_step_seconds, self.paths)

    def median_step_seconds(self) -> float:
        """Return the median time between the newest rows of `steps`, 0 where there are none."""
        return self._table("steps").median_seconds()

    def silent_for(self, now_ns: int) -> float:
        """Return the seconds since the trainer's last sign of life."""
        return liveness.silent_for(self.head, now_ns) if self.head else 0.0

    @property
    def host(self) -> str:
        """The host of the process that writes, or wrote last."""
        return self._contents.history.host or (self.manifest.host if self.manifest else "")
