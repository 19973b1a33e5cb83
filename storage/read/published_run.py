"""The answers of a run from what was read of it: rows, events, knobs; nothing is read for them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Value
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import AXES, TABLES
from asgml.storage.format.status import Head
from asgml.storage.read import segments
from asgml.storage.read.run_contents import RunContents
from asgml.storage.read.table import Table, find_column

Rows = npt.NDArray[np.float64]


class PublishedRun:
    """What a run has published up to the mark that it was read to.

    Rows and events are in the order of their publication. `manifest` and `head` are None until
    the trainer has opened the store.
    """

    def __init__(self, contents: RunContents) -> None:
        self._contents = contents

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

    @property
    def host(self) -> str:
        """The host of the process that writes, or wrote last."""
        return self._contents.history.host or (self.manifest.host if self.manifest else "")

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

    def median_step_seconds(self) -> float:
        """Return the median time between the newest rows of `steps`, 0 where there are none."""
        return self._table("steps").median_seconds()

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
