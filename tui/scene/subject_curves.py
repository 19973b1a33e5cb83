"""The curve of a subject in a chart: that of its run, or the mean of a group with its band."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.decimation import Floats
from asgml.tui.plot.windows import Window
from asgml.tui.scene.comparison import ComparedRun, Subject
from asgml.tui.scene.comparison_view import ComparisonView
from asgml.tui.scene.panels import Line

POINTS = 4096
"""Most places of the mean of a group: more than ten for each column of a chart."""
_MOST_KEPT = 600


@dataclass(frozen=True)
class SubjectCurve:
    """Values over x; of a group the mean, the band's edges and the number of runs at each place.

    `key` differs when any value does. `x` and all others have one shape; `low` and `high` are NaN
    where fewer than two runs have a value.
    `end`: the last x of any table of the runs: beyond it there is no value. `faults`: where a run
    of a group has a value that is no finite number, which its mean passes over.
    """

    x: Floats
    y: Floats
    key: tuple[object, ...]
    low: Floats | None = None
    high: Floats | None = None
    n: NDArray[np.int64] | None = None
    end: float = math.inf
    faults: Floats | None = None

    def at(self, cursor: float | None) -> int:
        """Return the row under the cursor, without one the newest, -1 where there is none."""
        if cursor is not None:
            row = int(np.searchsorted(self.x, cursor, side="right")) - 1
            return row if cursor <= self.end else -1
        return len(self.y) - 1

    def value(self, cursor: float | None) -> float | None:
        """Return the value at the cursor, None where there is none; NaN is a value."""
        row = self.at(cursor)
        return float(self.y[row]) if row >= 0 else None


class SubjectCurves:
    """The curves of all subjects, kept until their rows or the view change."""

    def __init__(self) -> None:
        self._kept: dict[object, SubjectCurve | None] = {}

    def curve(
        self, subject: Subject, line: Line, view: ComparisonView, window: Window | None
    ) -> SubjectCurve | None:
        """Return the curve of a line, None where no run has the column.

        `window`: a group's mean is computed for what it shows; None for all.
        """
        if not subject.is_group:
            return run_curve(subject.runs[0], line, view) if subject.runs else None
        cut = window if view.zoom else None
        key = (subject.sign, line.column, view.axis, view.smoothing, view.band, cut)
        if key not in self._kept:
            if len(self._kept) > _MOST_KEPT:
                self._kept.clear()
            self._kept[key] = group_curve(subject, line, view, cut, key)
        return self._kept[key]


def run_curve(run: ComparedRun, line: Line, view: ComparisonView) -> SubjectCurve | None:
    """Return the curve of one run as the main screen draws it: smoothed, or as it was recorded."""
    table = run.data.table(line.table)
    if line.column not in table or line.column not in run.known:
        return None
    rows = table.measured(line.table, line.column)
    x, raw = run.data.x(line.table, view.axis)[rows], table.column(line.column)
    smooth = run.data.smoothed.get(line.column)
    weight = None if smooth is None else view.smoothing
    key = (run.record.name, line.column, view.axis, table.signature, weight)
    y = (raw if smooth is None else smooth)[rows]
    reach = run.data.reach(view.axis)
    return SubjectCurve(x, y, key, end=reach[1] if reach else math.inf)


def group_curve(
    subject: Subject,
    line: Line,
    view: ComparisonView,
    cut: Window | None,
    key: tuple[object, ...],
) -> SubjectCurve | None:
    """Return the mean of a group's runs, and its band as the view asks."""
    from asgml.storage.statistics.curves import mean_band

    curves = [curve for run in subject.runs if (curve := run_curve(run, line, view)) is not None]
    if not curves:
        return None
    parts = [(curve.x, curve.y) if cut is None else _within(curve, cut) for curve in curves]
    band = mean_band(parts, POINTS)
    half = (band.high - band.mean) * _width(band.n, view.band)
    return SubjectCurve(
        band.x,
        band.mean,
        key,
        band.mean - half,
        band.mean + half,
        band.n,
        end=max(curve.end for curve in curves),
        faults=np.unique(np.concatenate([x[~np.isfinite(y)] for x, y in parts])),
    )


def _within(curve: SubjectCurve, window: Window) -> tuple[Floats, Floats]:
    """Return the rows in a window, and one on each side of it."""
    begin, end = np.searchsorted(curve.x, [window.start, window.end]).tolist()
    rows = slice(max(begin - 1, 0), end + 1)
    return curve.x[rows], curve.y[rows]


def _width(n: NDArray[np.int64], band: str) -> Floats:
    """Return half the width of a band in standard deviations, for each number of runs."""
    if band == "none":
        return np.full(len(n), math.nan)
    if band == "std":
        return np.ones(len(n))
    from asgml.storage.statistics.estimate import t_quantile

    widths = np.full(int(n.max(initial=0)) + 1, math.nan)
    for count in range(2, len(widths)):
        widths[count] = t_quantile(count - 1) / math.sqrt(count)
    return np.asarray(widths[n])
