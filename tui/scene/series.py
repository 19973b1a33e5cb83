"""One column of a run in numbers: last and best value, first fault, smoothed curve, sparkline."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asgml.storage.format.measured import is_dense, measured_rows
from asgml.tui.plot.decimation import Flags, Floats
from asgml.tui.plot.smoothing import Smoother, finite_mean, sparkline
from asgml.tui.scene.run_data import TableSnapshot

Rows = NDArray[np.intp]
_SPARKLINE_CELLS = 16
_CHANGE_ROWS = 2000
"""The most rows that a mean of the newest tenth is taken over: it is computed for every frame."""


@dataclass(frozen=True)
class Fault:
    """The first value of a column that is no finite number."""

    column: str
    value: float
    step: int


@dataclass(frozen=True)
class Summary:
    """A column in numbers. `idle`: every value so far is the one that means "nothing is done"."""

    last: float = math.nan
    best: float = math.nan
    best_step: int = 0
    change: float = math.nan
    sparkline: str = ""
    fault: Fault | None = None
    idle: bool = False


class Series:
    """The running summary of one column; a new row costs a row, not the series.

    `better` is "high", "low" or "" as in the table of metrics; `table`: that of the column;
    `neutral` is the value that means "nothing is done", NaN where there is none.
    """

    def __init__(
        self, column: str, better: str = "", table: str = "steps", neutral: float = math.nan
    ) -> None:
        self.column = column
        self._neutral = neutral
        self._better = better
        self._table, self._every_row = table, is_dense(table, column)
        self._smoothers: dict[float, Smoother] = {}
        self._restart(-1)

    def _restart(self, signature: int) -> None:
        self._signature = signature
        self._rows = 0
        self._best, self._best_row = math.nan, -1
        self._last_row = self._fault_row = -1
        self._idle = not math.isnan(self._neutral)
        self._fault: tuple[int, float] | None = None
        self._spark, self._spark_rows = "", -1

    def _check_signature(self, table: TableSnapshot) -> None:
        """Forget everything where a resume has replaced rows that were seen."""
        if table.signature != self._signature:
            self._smoothers.clear()
            self._restart(table.signature)

    def smoothed(self, table: TableSnapshot, weight: float) -> Floats:
        """Return the smoothed column; that of an earlier moment is a beginning of the later one."""
        self._check_signature(table)
        if weight not in self._smoothers:
            self._smoothers = {weight: Smoother(weight)}
        return self._smoothers[weight].update(table.column(self.column))

    def summary(self, table: TableSnapshot) -> Summary:
        """Return the column in numbers at this moment, an empty summary without a value."""
        values, step = table.column(self.column), table.column("step")
        self._check_signature(table)
        if table.rows < self._rows:  # a replay went back
            self._restart(table.signature)
        self._scan(table, values)
        if self._last_row < 0 and self._fault is None:
            return Summary()
        return Summary(
            last=float(values[max(self._last_row, self._fault_row)]),
            best=self._best,
            best_step=int(step[self._best_row]) if self._best_row >= 0 else 0,
            change=_recent_change(values, step),
            sparkline=self._sparkline(values),
            fault=self._fault_at(step),
            idle=self._idle,
        )

    def _scan(self, table: TableSnapshot, values: Floats) -> None:
        """Take in the rows that have come since the last call."""
        fresh = np.ascontiguousarray(values[self._rows :])
        finite = np.isfinite(fresh)
        amount = int(np.count_nonzero(finite))
        if amount < len(fresh):
            self._note_faults(table, fresh, finite)
        if amount == len(fresh):
            self._take(fresh, None)
        elif amount:
            rows = np.flatnonzero(finite)
            self._take(fresh[rows], rows)
        self._rows = len(values)

    def _note_faults(self, table: TableSnapshot, fresh: Floats, finite: Flags) -> None:
        """Keep the first fault, and the last row that is one."""
        begin = self._rows

        def other(column: str) -> Floats | None:
            return table.column(column)[begin:] if column in table else None

        measured = measured_rows(self._table, self.column, fresh, other)
        if self._every_row and (self._last_row >= 0 or self._fault is not None):
            measured = np.ones(len(fresh), dtype=bool)
        rows = np.flatnonzero(measured & ~finite)
        if len(rows):
            self._fault_row = begin + int(rows[-1])
            if self._fault is None:
                self._fault = (begin + int(rows[0]), float(fresh[rows[0]]))

    def _take(self, known: Floats, rows: Rows | None) -> None:
        """Take in finite values; `rows` has their places among the fresh rows, None for all."""
        if not len(known):
            return
        self._last_row = self._rows + (len(known) - 1 if rows is None else int(rows[-1]))
        self._idle = self._idle and bool((known == self._neutral).all())
        if not self._better:
            return
        place = int(np.argmax(known) if self._better == "high" else np.argmin(known))
        value = float(known[place])
        improved = value > self._best if self._better == "high" else value < self._best
        if math.isnan(self._best) or improved:
            self._best = value
            self._best_row = self._rows + (place if rows is None else int(rows[place]))

    def _fault_at(self, step: Floats) -> Fault | None:
        if self._fault is None:
            return None
        row, value = self._fault
        return Fault(self.column, value, int(step[row]))

    def _sparkline(self, values: Floats) -> str:
        """Return the course in one line, made again once about a hundredth of the rows is new."""
        pace = 1 << max(len(values).bit_length() - 7, 0)
        used = len(values) // pace * pace
        if used != self._spark_rows:
            # Every (pace / 8)-th row: between 512 and 1024 of a long series, whatever its length.
            sampled = values[: used : max(pace // 8, 1)]
            known = sampled[np.isfinite(sampled)]
            if self._every_row and len(known):  # a gap after the first number is a fault
                known = sampled[int(np.isfinite(sampled).argmax()) :]
            self._spark = sparkline(known, min(_SPARKLINE_CELLS, len(known)))
            self._spark_rows = used
        return self._spark


def _recent_change(values: Floats, step: Floats) -> float:
    """Return the mean over the newest tenth of the steps less that over the tenth before it."""
    end, span = step[-1], max((float(step[-1]) - float(step[0])) / 10, 1.0)
    middle, begin = np.searchsorted(step, [end - span, end - 2 * span], side="right").tolist()
    newer = values[max(middle, len(values) - _CHANGE_ROWS) :]
    older = values[max(begin, middle - _CHANGE_ROWS) : middle]
    newer, older = newer[np.isfinite(newer)], older[np.isfinite(older)]
    return finite_mean(newer) - finite_mean(older) if len(newer) and len(older) else math.nan
