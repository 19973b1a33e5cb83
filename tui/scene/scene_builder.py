"""Build a scene from rows and events, the same for a live run and for a replayed one."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence

from asgml.storage.format.events import Event
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import Metric
from asgml.storage.read.remedies import sound_step
from asgml.tui.plot.decimation import Floats
from asgml.tui.scene.balance_summary import summarize_balance
from asgml.tui.scene.history import History
from asgml.tui.scene.log_lines import alerts, log_lines
from asgml.tui.scene.marks import marks
from asgml.tui.scene.panels import Panel, importance, panels_of, panels_showing
from asgml.tui.scene.run_data import RunData, TableSnapshot
from asgml.tui.scene.scene import MetricRow, Progress, Scene
from asgml.tui.scene.series import Series, Summary

_EMPTY_CHARTS = 6
"""Number of empty charts on screen while no row has come."""
_RATE_ROWS = 50
"""Number of newest rows that the rate is taken over."""


class SeriesStore:
    """The series of a run, one per column, kept from scene to scene."""

    def __init__(self) -> None:
        self._series: dict[str, Series] = {}

    def get(self, metric: Metric, column: str) -> Series:
        """Return the series of a column, a new one on first use."""
        if column not in self._series:
            neutral = 1.0 if metric.unit == "×" else math.nan
            self._series[column] = Series(column, metric.better, metric.table, neutral)
        return self._series[column]


def build_run_data(
    manifest: Manifest,
    tables: Mapping[str, TableSnapshot],
    series: SeriesStore,
    smoothing: float,
) -> RunData:
    """Return the tables with their smoothed columns, and the time that wall time counts from."""
    starts = [float(table.column("wall_time")[0]) for table in tables.values() if table.rows]
    smoothed = smoothed_columns(manifest, tables, series, smoothing)
    start = min((start for start in starts if math.isfinite(start)), default=manifest.created)
    return RunData(tables, smoothed, start, manifest.steps_per_epoch)


def build_scene(
    name: str,
    state: str,
    manifest: Manifest,
    data: RunData,
    events: Sequence[Event],
    series: SeriesStore,
) -> Scene:
    """Return a scene with everything that follows from rows and events alone."""
    rows = metric_rows(manifest, data, series)
    progress = progress_of(data.table("steps"))
    return Scene(
        name,
        state,
        manifest,
        progress,
        data,
        panels_with_data(manifest, rows),
        rows,
        summarize_balance(manifest, rows, events, progress.epoch, data.table("probes").rows),
        _history(events, rows, [knob.name for knob in manifest.knobs]),
    )


def _history(events: Sequence[Event], rows: Sequence[MetricRow], knobs: Collection[str]) -> History:
    faults = [row.summary.fault for row in rows if row.summary.fault is not None]
    return History(
        tuple(log_lines(events)),
        tuple(alerts(events, faults)),
        tuple(marks(events, knobs)),
        sound_step(events),
        events,
    )


def progress_of(steps: TableSnapshot) -> Progress:
    """Return step, epoch, active time and rate from the newest rows of `steps`."""
    if not steps.rows:
        return Progress()
    step, active = steps.column("step"), steps.column("active_time")
    epoch = steps.last("epoch")
    begin = max(steps.rows - _RATE_ROWS, 0)
    seconds = float(active[-1] - active[begin])
    rate = float(step[-1] - step[begin]) / seconds if seconds > 0 else math.nan
    return Progress(
        int(step[-1]), int(epoch) if math.isfinite(epoch) else 0, float(active[-1]), rate
    )


def metric_rows(manifest: Manifest, data: RunData, series: SeriesStore) -> tuple[MetricRow, ...]:
    """Return every column with a value by now, by importance; those that were always 1× last."""
    found: list[MetricRow] = []
    for metric in sorted(manifest.metrics, key=importance):
        table = data.table(metric.table)
        for place, column in enumerate(metric.columns(manifest.modalities)):
            if column not in table or not table.rows:
                continue
            summary = series.get(metric, column).summary(table)
            if summary != Summary():
                colour = place if metric.per_modality else -1
                found.append(MetricRow(column, metric, colour, summary))
    return tuple(sorted(found, key=lambda row: row.summary.idle))


def smoothed_columns(
    manifest: Manifest, tables: Mapping[str, TableSnapshot], series: SeriesStore, weight: float
) -> dict[str, Floats]:
    """Return the smoothed curves of all charts, by column.

    Probes and epochs are rare and averaged already: they stay as they are.
    """
    if weight <= 0 or "steps" not in tables or not tables["steps"].rows:
        return {}
    steps = tables["steps"]
    return {
        column: series.get(metric, column).smoothed(steps, weight)
        for metric, column in _step_curves(manifest)
        if column in steps
    }


def _step_curves(manifest: Manifest) -> Iterator[tuple[Metric, str]]:
    """Yield every column of `steps` that a chart shows, with its metric."""
    for metric in manifest.metrics:
        if metric.panel and metric.table == "steps":
            yield from ((metric, column) for column in metric.columns(manifest.modalities))


def panels_with_data(manifest: Manifest, rows: Sequence[MetricRow]) -> tuple[Panel, ...]:
    """Return the charts that have something to draw; the first ones while there is nothing yet."""
    every = panels_of(manifest)
    shown = panels_showing(every, {row.column for row in rows if not row.summary.idle})
    return shown or tuple(every[:_EMPTY_CHARTS])
