"""The rows of a run that count at one moment, with smoothed columns and x values for charts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from asgml.storage.format.measured import is_dense, measured_rows
from asgml.storage.format.metrics import TABLES
from asgml.tui.plot.decimation import Flags, Floats
from asgml.tui.scene.x_places import forward, lost_time, place_between

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


class TableSnapshot:
    """The rows of one table at a moment: published by then, and not replaced by a resume.

    `data` has shape (rows, columns) and `keep` shape (rows,); None keeps every row.
    """

    def __init__(self, names: list[str], data: Floats, keep: Flags | None = None) -> None:
        self.names = names
        self._data = data
        self._index = {name: position for position, name in enumerate(names)}
        self._columns: dict[str, Floats] = {}
        self._keep = None if keep is None or bool(keep.all()) else keep
        self.rows = len(data) if self._keep is None else int(self._keep.sum())
        self.signature = len(data) - self.rows
        """The number of replaced rows. Under one number, rows are only ever added at the end."""

    def __contains__(self, name: str) -> bool:
        return name in self._index

    def column(self, name: str) -> Floats:
        """Return the values of a column, empty where there is none; do not write into them."""
        if name not in self._columns:
            raw = self._raw(name)
            self._columns[name] = raw if self._keep is None else raw[self._keep]
        return self._columns[name]

    def last(self, name: str) -> float:
        """Return the newest value, NaN where there is none."""
        values = self.column(name) if name in self else np.empty(0)
        return float(values[-1]) if len(values) else math.nan

    def measured(self, table: str, name: str) -> slice | Flags:
        """Return the rows in which a column was measured, NaN and infinity among them.

        `table`: the name of this table. All rows where the column begins with a number.
        """
        values = self.column(name)
        if is_dense(table, name):
            if not len(values) or not math.isnan(values[0]):
                return slice(None)
            first = np.flatnonzero(~np.isnan(values))[:1]
            return slice(int(first[0]) if len(first) else len(values), None)
        return measured_rows(
            table, name, values, lambda other: self.column(other) if other in self else None
        )

    def _raw(self, name: str) -> Floats:
        return np.asarray(self._data[:, self._index[name]]) if name in self._index else np.empty(0)


EMPTY = TableSnapshot(["step", "wall_time", "active_time", "segment"], np.empty((0, 4)))


def snapshot_tables(
    run: Run, rows: Mapping[str, int], wall_time: float = math.inf
) -> dict[str, TableSnapshot]:
    """Return the first `rows[table]` rows of each table without those that a resume replaced.

    `wall_time` (unix seconds): only resumes that had happened by then count.
    """
    return {
        table: TableSnapshot(
            run.columns(table),
            run.table(table)[: rows[table]],
            run.current_rows(table, rows[table], wall_time),
        )
        for table in TABLES
    }


@dataclass(frozen=True)
class RunData:
    """The tables of one run at a moment. Wall time counts from `start_time` (unix seconds).

    `steps_per_epoch` is 0 where the run does not tell it.
    """

    tables: Mapping[str, TableSnapshot] = field(default_factory=dict)
    smoothed: Mapping[str, Floats] = field(default_factory=dict)
    start_time: float = 0.0
    steps_per_epoch: int = 0
    # not given on: data that is replaced has places of its own
    _places: dict[tuple[str, str], Floats] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def table(self, name: str) -> TableSnapshot:
        """Return a table, an empty one where the run has none of that name."""
        return self.tables.get(name, EMPTY)

    def x(self, table: str, axis: str) -> Floats:
        """Return the x values of a table: steps, epochs, or seconds since the run began.

        They never decrease. Where a clock was set back, time goes on from the row before.
        """
        if (table, axis) not in self._places:
            self._places[table, axis] = forward(self._x(self.table(table), axis), axis)
        return self._places[table, axis]

    def _x(self, table: TableSnapshot, axis: str) -> Floats:
        if axis == "step":
            return table.column(axis)
        if axis == "epoch":
            return self._epochs(table.column("step"))
        steps = self.table("steps")
        times = table.column(axis) - (self.start_time if axis == "wall_time" else 0.0)
        lost = lost_time(steps.column(axis))
        if lost is None:
            return times
        rows = np.searchsorted(self.x("steps", "step"), table.column("step"), side="right") - 1
        return np.asarray(times + np.where(rows < 0, 0.0, lost[rows]))

    def place(self, axis: str, step: float, wall_time: float, active_time: float) -> float | None:
        """Return the x value of something that happened after a step, None without one."""
        if axis == "step":
            return step
        if axis == "epoch":
            return float(self._epochs(np.array([step]))[0])
        time = wall_time if axis == "wall_time" else active_time
        steps, times = self.x("steps", "step"), self.table("steps").column(axis)
        return place_between(self.x("steps", axis), steps, times, step, time)

    def _epochs(self, steps: Floats) -> Floats:
        """Return steps as epochs: parts of one, or whole ones where their length is unknown."""
        if self.steps_per_epoch:
            return steps / self.steps_per_epoch
        table = self.table("steps")
        epochs = table.column("epoch")
        known = np.isfinite(epochs)
        if not known.any():
            return np.zeros(len(steps))
        return np.asarray(np.interp(steps, self.x("steps", "step")[known], epochs[known]))

    def reach(self, axis: str) -> tuple[float, float] | None:
        """Return the smallest and the largest x value of all tables, None without rows."""
        ends = [(x[0], x[-1]) for table in self.tables if len(x := self.x(table, axis))]
        if not ends:
            return None
        return float(min(first for first, _ in ends)), float(max(last for _, last in ends))


@dataclass(frozen=True)
class Overlay:
    """Another run, drawn under the curves of the one on screen."""

    name: str
    data: RunData
