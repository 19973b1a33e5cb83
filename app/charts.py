"""Charts for the headless commands, drawn by plotext and printed once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import plotext

from asgml.app.output import colours_wanted, terminal_width
from asgml.storage.format.events import MAX_STEP
from asgml.storage.format.metrics import Metric
from asgml.storage.format.safe_text import safe
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
HEIGHT = 14
WIDEST = 120
COLOURS = ("blue+", "orange+", "green+", "red+", "cyan+", "magenta+")
MARKERS = "•x+o*#"
"""Distinguish the lines where there are no colours."""
Line = tuple[str, np.ndarray, np.ndarray]


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


def draw(title: str, lines: list[Line], *, log: bool = False, width: int | None = None) -> str:
    """Return one chart as text.

    Lines are (label, x, y); on a log axis a value that is not positive is a gap.
    """
    width = min(width or terminal_width(), WIDEST)
    coloured = colours_wanted()
    plotext.clear_figure()
    plotext.plot_size(width, HEIGHT)
    plotext.theme("clear")
    plotext.title(safe(f"{title} (log)" if log else title))
    drawable = [(label, *decimate(x, _cleaned(y, log), width)) for label, x, y in lines]
    for index, (label, x, y) in enumerate(drawable):
        marker = "braille" if coloured or len(drawable) == 1 else MARKERS[index % len(MARKERS)]
        plotext.plot(
            x.tolist(),
            y.tolist(),
            label=safe(label),
            marker=marker,
            color=COLOURS[index % len(COLOURS)],
        )
    if log:
        plotext.yscale("log")
    _step_ticks(drawable)
    text = str(plotext.build())
    return text if coloured else str(plotext.uncolorize(text))


def decimate(x: np.ndarray, y: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return at most two points a column, the lowest and the highest, so that spikes survive."""
    if len(y) <= 2 * width:
        return x, y
    edges = np.linspace(0, len(y), width + 1).astype(int)
    kept: list[int] = []
    for first, after in pairwise(edges.tolist()):
        stretch = y[first:after]
        known = np.flatnonzero(~np.isnan(stretch))
        ends = (
            {known[np.argmin(stretch[known])], known[np.argmax(stretch[known])]}
            if len(known)
            else {0}
        )
        kept += sorted(int(first + end) for end in ends)
    return x[kept], y[kept]


def _step_ticks(lines: list[Line]) -> None:
    """Label the x axis with whole steps."""
    first, last = min(x[0] for _, x, _ in lines), max(x[-1] for _, x, _ in lines)
    ticks = sorted({int(tick) for tick in np.linspace(first, last, 5)})
    plotext.xticks(ticks, [str(tick) for tick in ticks])


def _cleaned(y: np.ndarray, log: bool) -> np.ndarray:
    """Return y with NaN for what plotext cannot draw: infinities, and zero on a log axis."""
    drawable = np.isfinite(y) & (y > 0) if log else np.isfinite(y)
    return np.where(drawable, y, np.nan)


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
    found = [
        (column, rows[:, columns.index(column)])
        for column in metric.columns(run.manifest.modalities)
        if column in columns
    ]
    return [
        (column.rpartition("/")[2], steps, values)
        for column, values in found
        if _has_a_point(values, metric.log)
    ]


def _has_a_point(values: np.ndarray, log: bool) -> bool:
    return bool(np.isfinite(_cleaned(values, log)).any())
