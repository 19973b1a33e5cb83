"""The chart of `asgml compare`: a line for each run, the mean line for each group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asgml.app.charts.drawing import draw
from asgml.app.charts.scale import Line
from asgml.app.commands.compare_subjects import Subject
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunNotFoundError
from asgml.storage.read.reader import Run
from asgml.storage.runs.record import RunRecord
from asgml.storage.statistics.curves import Curve, mean_band
from asgml.storage.statistics.run_curves import Axis, curve_of

MOST = 8
"""Lines of one chart: more are not told apart."""


def compare_chart(subjects: Sequence[Subject], column: str, axis: Axis) -> tuple[str, list[str]]:
    """Return the chart as text, "" where no run has such a curve, and the names that have none.

    A curve is drawn from the first `MOST` subjects. Points that are not finite are gaps.
    """
    lines: list[Line] = []
    without: list[str] = []
    for subject in subjects[:MOST]:
        line = _line(subject, column, axis)
        if line is None:
            without.append(subject.name)
        else:
            lines.append(line)
    if not lines:
        return "", without
    mean = ", mean over seeds" if any(len(each.records) > 1 for each in subjects[:MOST]) else ""
    return draw(f"{column} by {axis}{mean}", lines, axis=axis), without


def _line(subject: Subject, column: str, axis: Axis) -> Line | None:
    curves = [curve for record in subject.records if (curve := _curve(record, column, axis))]
    if not curves:
        return None
    if len(curves) == 1:
        x, y = curves[0]
    else:
        x, y, *_ = mean_band(curves)
    known = np.isfinite(x) & np.isfinite(y)
    return (subject.name, x[known], y[known]) if known.any() else None


def _curve(record: RunRecord, column: str, axis: Axis) -> Curve | None:
    try:
        return curve_of(Run.open(record.path), column, axis)
    except (FormatError, RunNotFoundError, OSError, ValueError):
        return None  # the table names the state of a run that cannot be read
