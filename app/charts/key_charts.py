"""The charts of one run that `asgml show` prints: one for each key panel."""

from __future__ import annotations

import numpy as np

from asgml.app.charts.drawing import draw
from asgml.app.charts.scale import Line, drawable
from asgml.storage.format.events import MAX_STEP
from asgml.storage.format.measured import measured_rows
from asgml.storage.format.metrics import Metric
from asgml.storage.read.reader import Run

KEY_PANELS = (
    "loss",
    "probe accuracy",
    "utilization",
    "boost scale",
    "throttle",
    "gradient norm",
    "own accuracy",
    "epoch accuracy",
)
WHERE_IT_CHANGES = ("lr",)
"""Metrics without a panel that get a chart where their value changes, under their name."""


def key_charts(run: Run) -> list[str]:
    """Return a chart for each key panel that has a curve."""
    if run.manifest is None:
        return []
    charts: list[str] = []
    for panel in KEY_PANELS:
        metrics = [metric for metric in run.manifest.metrics if metric.panel == panel]
        lines = [line for metric in metrics for line in _lines(run, metric)]
        if lines:
            charts.append(draw(panel, lines, log=any(metric.log for metric in metrics)))
    return charts + _changing_charts(run)


def _changing_charts(run: Run) -> list[str]:
    metrics = run.manifest.metrics if run.manifest else ()
    drawn = [(m.name, _lines(run, m)) for m in metrics if m.name in WHERE_IT_CHANGES]
    return [draw(name, lines) for name, lines in drawn if any(_changes(y) for _, _, y in lines)]


def _changes(values: np.ndarray) -> bool:
    finite = values[np.isfinite(values)]
    return finite.size > 0 and bool(np.ptp(finite) > 0)


def _lines(run: Run, metric: Metric) -> list[Line]:
    """Return the series of a metric with at least one number, labelled by their modality."""
    if run.manifest is None or not run.rows(metric.table):
        return []
    columns, rows = (
        run.columns(metric.table),
        run.table(metric.table)[run.current_rows(metric.table)],
    )
    # a row without a step, or far beyond all, has no place on the axis
    rows = rows[np.abs(rows[:, columns.index("step")]) <= MAX_STEP]
    steps = rows[:, columns.index("step")]

    def values_of(column: str) -> np.ndarray | None:
        return rows[:, columns.index(column)] if column in columns else None

    found = []
    for column in metric.columns(run.manifest.modalities):
        values = values_of(column)
        if values is not None and drawable(values, False).any():
            measured = measured_rows(metric.table, column, values, values_of)
            found.append((column.rpartition("/")[2], steps[measured], values[measured]))
    return found
