"""The reader: a run as it is published, live or finished, whole or cut off. Never writes, never waits for the writer."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from zarr.abc.store import Store

from storage import liveness
from storage.events import Event
from storage.history import History, step_limits
from storage.knobs import Value
from storage.layout import RunNotFoundError, RunPaths, is_run
from storage.manifest import FormatError, Manifest, manifest_from_json
from storage.metrics import AXES, TABLES
from storage.source import Source
from storage.status import TEXTS, Head
from storage.table import Table

__all__ = ["FormatError", "Run", "RunNotFoundError", "events_until", "rows_until", "wait_for_answer"]

Rows = npt.NDArray[np.float64]
POLL_SECONDS = 0.02


class Run:
    """One run. `refresh` brings it up to date; everything else answers from what was read then.

    Rows and events are in the order of their publication. `manifest` and `head` are None until the trainer has opened the store.
    """

    def __init__(self, paths: RunPaths, source: Source) -> None:
        """For `open` and `open_store`."""
        self.paths = paths
        self.manifest: Manifest | None = None
        self.head: Head | None = None
        self._source = source
        self._trouble = ""
        self._state = ""
        self._clear()

    @classmethod
    def open(cls, path: Path | RunPaths) -> Run:
        """The run in a directory. Raises RunNotFoundError where there is none, FormatError where it cannot be read."""
        paths = path if isinstance(path, RunPaths) else RunPaths(Path(path))
        if not is_run(paths.root):
            raise RunNotFoundError(f"no run in {paths.root}: there is neither run.toml nor {paths.store.name}")
        run = cls(paths, Source.local(paths.store))
        run.refresh()
        return run

    @classmethod
    def open_store(cls, store: Store, name: str) -> Run:
        """The run in any Zarr store, for instance one on the network. `name` is what it is called."""
        run = cls(RunPaths(Path(name)), Source(store))
        run.refresh()
        if run.manifest is None:
            raise RunNotFoundError(f"no run in {store}")
        return run

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def problems(self) -> list[str]:
        """What could not be read, one line each."""
        return self._source.problems + ([self._trouble] if self._trouble else [])

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
            return self._follow_head() or before != ""
        except OSError as error:
            self._trouble = f"cannot read {self.paths.store}: {type(error).__name__}: {error.strerror or error}"
            return self._trouble != before

    def _follow_head(self) -> bool:
        head = self._source.head()
        if head is None or head == self.head:
            return False
        if self.head is not None and _is_another_run(head, self.head):
            self._clear()
        if self.manifest is None and not self._read_manifest():
            return False
        self._read_up_to(head)
        self.head = head
        return True

    def _clear(self) -> None:
        self.manifest = self.head = None
        self.log_lines: list[str] = []
        self._log_rest = b""
        self._tables: dict[str, Table] = {}
        self._history = History()
        self._bytes = dict.fromkeys(TEXTS, 0)
        self._timeline: Rows = np.empty(0)
        self._source.forget()

    def _read_manifest(self) -> bool:
        attributes = self._source.attributes()
        if attributes is None:
            return False
        self.manifest = manifest_from_json(attributes)
        self._tables = {str(table): Table(self._columns_of(table, attributes.get("tables"))) for table in TABLES}
        return True

    def _columns_of(self, table: str, recorded: object) -> list[str]:
        """As the run was recorded, whatever the table of metrics has become since."""
        assert self.manifest is not None
        columns = recorded.get(table) if isinstance(recorded, dict) else self.manifest.columns(table)
        if not isinstance(columns, list) or tuple(columns[: len(AXES)]) != AXES:
            raise FormatError(f"the manifest of {self.paths.name} names no columns of {table} that begin with {', '.join(AXES)}")
        return columns

    def _read_up_to(self, head: Head) -> None:
        """All tables and texts up to the same mark: first everything is read, then everything is shown."""
        have = {**{table: len(rows) for table, rows in self._tables.items()}, **self._bytes}
        published = {**head.rows, **head.text_bytes}
        new = {name: self._source.read(name, have[name], upto) for name, upto in published.items() if upto > have[name]}
        for name, entries in new.items():
            if entries is None:
                continue
            if name in self._tables:
                self._tables[name].extend(entries)
            else:
                self._add_text(name, entries.tobytes())

    def _add_text(self, text: str, content: bytes) -> None:
        self._bytes[text] += len(content)
        if text == "events":
            self._history.extend(content)
        else:
            *lines, self._log_rest = (self._log_rest + content).split(b"\n")
            self.log_lines += [line.decode("utf-8", errors="replace") for line in lines]

    # ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────

    def rows(self, table: str) -> int:
        return len(self._tables[table]) if self._tables else 0

    def columns(self, table: str) -> list[str]:
        return list(self._table(table).columns)

    def table(self, table: str) -> Rows:
        """All rows, without a copy: not to be written."""
        return self._table(table).rows

    def column(self, table: str, name: str) -> Rows:
        return self._table(table).column(name)

    def find_column(self, name: str) -> tuple[str, int]:
        """Table and index of the column. Raises KeyError that names what exists. Axes are found in `steps`."""
        for table, rows in self._tables.items():
            if name in rows.columns:
                return table, rows.columns.index(name)
        known = sorted({column for rows in self._tables.values() for column in rows.columns})
        raise KeyError(f"no column {name!r}; there are {', '.join(known) or 'none yet'}")

    def times(self, table: str) -> Rows:
        """Wall time at which each row was recorded; never decreases."""
        return self._table(table).times

    def rows_until(self, table: str, wall_time: float) -> int:
        return self._tables[table].until(wall_time) if self._tables else 0

    def rows_until_step(self, step: int) -> int:
        """How many rows of `steps` there are up to the last one that was recorded at this step or an earlier one."""
        reached = np.flatnonzero(self.column("steps", "step") <= step)
        return int(reached[-1]) + 1 if len(reached) else 0

    def current_rows(self, table: str, rows: int | None = None, wall_time: float = math.inf) -> npt.NDArray[np.bool_]:
        """For each of the first `rows` rows, whether it counts: not superseded by a run that was resumed before it.

        `wall_time`: only resumes that had happened by then supersede anything, as a replay needs it.
        """
        values = self._table(table).rows[:rows]
        limits = step_limits(self._resume_steps(wall_time))
        counts = np.ones(len(values), np.bool_)
        step, segment = self._table(table).column("step")[:rows], self._table(table).column("segment")[:rows]
        for older, limit in limits.items():
            counts &= ~((segment == older) & (step > limit))
        return counts

    def timeline(self) -> Rows:
        """Seconds of training from the start to each row of `steps`; goes on where a resumed run's own count starts lower."""
        if len(self._timeline) != self.rows("steps"):
            active = _filled(self.column("steps", "active_time"))
            self._timeline = active - np.cumsum(np.minimum(np.diff(active, prepend=0.0), 0.0))
        return self._timeline

    def _table(self, table: str) -> Table:
        if table not in TABLES:
            raise KeyError(f"no table {table!r}; there are {', '.join(TABLES)}")
        return self._tables[table] if self._tables else Table(AXES)

    def _resume_steps(self, wall_time: float) -> dict[int, int]:
        """From the events; a segment without a `resumed` event tells it by its first row."""
        if self.head is None or self.head.segment == 0:
            return {}
        told = self._history.resume_steps(wall_time)
        until = self.rows_until("steps", wall_time)
        segment = self.column("steps", "segment")[:until] if until else np.empty(0)
        starts = np.flatnonzero(np.diff(segment) > 0) + 1
        steps = self.column("steps", "step") if until else segment
        rows = {int(segment[start]): int(steps[start]) - 1 for start in starts if np.isfinite(steps[start])}
        return {**rows, **told}

    # ── events ────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def events(self) -> list[Event]:
        """All published events, in order."""
        return self._history.events

    def unfinished_line(self, text: str) -> bytes:
        """What is published of `events` or `log` after the last line break; nothing in a sound run."""
        return self._history.rest if text == "events" else self._log_rest

    def events_until(self, wall_time: float) -> int:
        return self._history.until(wall_time)

    def answer_to(self, id: str) -> Event | None:
        """The event that answers the command with this id."""
        return self._history.answer_to(id)

    def knobs_at(self, step: int | None = None, wall_time: float | None = None) -> dict[str, Value]:
        """Values of the knobs after `step` steps, as they were known at `wall_time`; both default to now."""
        known_at = math.inf if wall_time is None else wall_time
        limits = step_limits(self._resume_steps(known_at))
        knobs = self.manifest.knobs if self.manifest else ()
        return self._history.knobs_at(knobs, math.inf if step is None else step, known_at, limits)

    # ── the trainer ───────────────────────────────────────────────────────────────────────────────────────────────────

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
        return self._history.host or (self.manifest.host if self.manifest else "")

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
        over = time.monotonic() >= end or run.state() in ("finished", "failed", "stopped", "crashed")
        if answer is not None or over:
            return answer
        time.sleep(POLL_SECONDS)


def _is_another_run(new: Head, old: Head) -> bool:
    """The directory holds another run than before: it was removed and made again under the same name."""
    entries = {**old.rows, **old.text_bytes}
    shorter = any(count < entries[name] for name, count in {**new.rows, **new.text_bytes}.items())
    other_process = (new.pid, new.process_start) != (old.pid, old.process_start)
    return new.seq <= old.seq or shorter or (other_process and new.segment <= old.segment)


def _filled(values: Rows) -> Rows:
    """Each value that is no number replaced by the last one that is."""
    known = np.isfinite(values)
    last_known = np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))
    return np.where(known[last_known], values[last_known], 0.0)
