"""One column of a run as the dashboard follows it: last and best value, first fault, smoothed curve, sparkline."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.envelopes import Flags, Floats
from asgml.tui.plot.smoothing import Smoother, sparkline
from asgml.tui.scene.run_data import TableSnapshot

Rows = NDArray[np.intp]


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
    spark: str = ""
    fault: Fault | None = None
    idle: bool = False


class Series:
    """Follows one column; a new row costs a row, not the series. `neutral` is the value that means "nothing is done"."""

    def __init__(
        self, column: str, better: str = "", every_row: bool = True, neutral: float = math.nan
    ) -> None:
        self.column = column
        self._neutral = neutral
        self._better = better
        self._every_row = every_row
        self._smoothers: dict[float, Smoother] = {}
        self._reset(-1)

    def _reset(self, signature: int) -> None:
        self._signature = signature
        self._rows = 0
        self._best, self._best_row = math.nan, -1
        self._last_row = -1
        self._known = False
        self._idle = not math.isnan(self._neutral)
        self._fault: tuple[int, float] | None = None
        self._spark, self._spark_rows = "", -1
        self._smoothers.clear()

    def smoothed(self, table: TableSnapshot, weight: float) -> Floats:
        """The smoothed column. Its values of an earlier moment are the same numbers, fewer of them."""
        if table.signature != self._signature:
            self._reset(table.signature)
        if weight not in self._smoothers:
            self._smoothers = {weight: Smoother(weight)}
        return self._smoothers[weight].update(table.column(self.column))

    def summary(self, table: TableSnapshot, spark_width: int = 16) -> Summary:
        """The column in numbers at this moment."""
        values, step = table.column(self.column), table.column("step")
        if table.signature != self._signature or table.rows < self._rows:
            kept = self._smoothers if table.signature == self._signature else {}
            self._reset(table.signature)
            self._smoothers.update(kept)
        self._scan(values)
        if self._last_row < 0 and self._fault is None:
            return Summary()
        fault = (
            None
            if self._fault is None
            else Fault(self.column, self._fault[1], int(step[self._fault[0]]))
        )
        last = float(values[-1]) if self._every_row else float(values[self._last_row])
        best_step = int(step[self._best_row]) if self._best_row >= 0 else 0
        return Summary(
            last,
            self._best,
            best_step,
            self._change(values, step),
            self._sparkline(values, spark_width),
            fault,
            self._idle,
        )

    def _scan(self, values: Floats) -> None:
        fresh = np.ascontiguousarray(values[self._rows :])
        finite = np.isfinite(fresh)
        amount = int(np.count_nonzero(finite))
        if self._fault is None and amount < len(fresh):
            self._fault = self._first_fault(fresh, finite)
        if amount:
            rows = np.flatnonzero(finite) if amount < len(fresh) else None
            known = fresh if rows is None else fresh[rows]
            self._known = True
            self._last_row = self._rows + (len(fresh) - 1 if rows is None else int(rows[-1]))
            self._idle = self._idle and bool((known == self._neutral).all())
            self._update_best(known, rows)
        self._rows = len(values)

    def _first_fault(self, fresh: Floats, finite: Flags) -> tuple[int, float] | None:
        """A NaN counts once the column had a number, where every row should have one; infinity counts always."""
        bad = np.isinf(fresh)
        if self._every_row:
            seen = np.logical_or.accumulate(finite) | self._known if len(finite) else finite
            bad = bad | (~finite & seen)
        rows = np.flatnonzero(bad)
        return (self._rows + int(rows[0]), float(fresh[rows[0]])) if len(rows) else None

    def _update_best(self, values: Floats, rows: Rows | None) -> None:
        """`rows`: where in the fresh rows the values stand; None where they are all of them."""
        if not self._better:
            return
        place = int(np.argmax(values) if self._better == "high" else np.argmin(values))
        value = float(values[place])
        improved = value > self._best if self._better == "high" else value < self._best
        if math.isnan(self._best) or improved:
            self._best, self._best_row = (
                value,
                self._rows + (place if rows is None else int(rows[place])),
            )

    def _change(self, values: Floats, step: Floats) -> float:
        """How far the newest tenth of the steps is from the tenth before it, by their means."""
        span = max((float(step[-1]) - float(step[0])) / 10, 1.0)
        middle, begin = (
            int(row)
            for row in np.searchsorted(step, [step[-1] - span, step[-1] - 2 * span], side="right")
        )
        newer, older = (
            values[max(middle, len(values) - 2000) :],
            values[max(begin, middle - 2000) : middle],
        )
        newer, older = newer[np.isfinite(newer)], older[np.isfinite(older)]
        return float(newer.mean() - older.mean()) if len(newer) and len(older) else math.nan

    def _sparkline(self, values: Floats, width: int) -> str:
        """From some hundreds of rows, evenly spread; computed again only when the series has grown by a hundredth or so."""
        pace = 1 << max(len(values).bit_length() - 7, 0)
        used = len(values) // pace * pace
        if used != self._spark_rows:
            sampled = values[: used : max(pace // 8, 1)]
            known = sampled if self._every_row else sampled[np.isfinite(sampled)]
            self._spark, self._spark_rows = sparkline(known, min(width, len(known))), used
        return self._spark
