"""A reader's copy of one table: its rows so far, and the time at which each became visible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.storage.format.growable_array import GrowableArray

Array = npt.NDArray[Any]
_MEDIAN_ROWS = 64
"""Rows that the median time between rows is taken over."""


class Table:
    """Rows in the order they were published. Grows only at its end."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = list(columns)
        self._index = {name: index for index, name in enumerate(self.columns)}
        # whoever reads a table reads columns: a strided one costs as much as all of them
        self._rows = GrowableArray((len(self.columns),), np.float64, by_column=True)
        self._times = GrowableArray((), np.float64)
        self._timeline: Array = np.empty(0)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> Array:
        return self._rows.view

    @property
    def times(self) -> Array:
        """Unix time of each row, never decreasing: the clock of the trainer may be set back."""
        return self._times.view

    def column(self, name: str) -> Array:
        if name not in self._index:
            raise KeyError(f"no column {name!r}; there are {', '.join(self.columns)}")
        return self.rows[:, self._index[name]]

    def room(self, count: int) -> Array:
        """Return the place of the next `count` rows, to be filled and then given to `extend`."""
        return self._rows.room(count)

    def extend(self, rows: Array) -> None:
        last = self._times.view[-1] if len(self._times) else -np.inf
        times = self._times.room(len(rows))
        times[:] = rows[:, self._index["wall_time"]]
        # fmax skips NaN: a row without a time is visible as soon as the one before it
        times[~np.isfinite(times)] = np.nan
        times[:1] = np.fmax(last, times[:1])
        np.fmax.accumulate(times, out=times)
        self._times.extend(times)
        self._rows.extend(rows)

    def until(self, wall_time: float) -> int:
        """Return the number of rows that were visible at a unix time."""
        return int(np.searchsorted(self.times, wall_time, side="right"))

    def median_seconds(self) -> float:
        """Return the median time between the newest rows, 0 where there are none."""
        times = self.times[-_MEDIAN_ROWS:]
        times = times[np.isfinite(times)]
        return float(np.median(np.diff(times))) if len(times) > 1 else 0.0

    def timeline(self) -> Array:
        """Return the seconds of training up to each row, never decreasing.

        A resumed run counts on from its checkpoint, which lies before its last row.
        """
        if len(self._timeline) != len(self):
            active = _filled(self.column("active_time"))
            self._timeline = active - np.cumsum(np.minimum(np.diff(active, prepend=0.0), 0.0))
        return self._timeline


def find_column(tables: Mapping[str, Table], name: str) -> tuple[str, int]:
    """Return table and index of a column. Raise KeyError that names the columns that exist."""
    for table, rows in tables.items():
        if name in rows.columns:
            return table, rows.columns.index(name)
    known = sorted({name for rows in tables.values() for name in rows.columns})
    raise KeyError(f"no column {name!r}; there are {', '.join(known) or 'none yet'}")


def _filled(values: Array) -> Array:
    """Return the values with each that is no number replaced by the last one that is."""
    known = np.isfinite(values)
    last_known = np.maximum.accumulate(np.where(known, np.arange(len(values)), 0))
    return np.where(known[last_known], values[last_known], 0.0)
