"""From rows and events to a scene: the same for a run that is watched and for one that is replayed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from asgml.storage.format.events import Event
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import TABLES, Metric
from asgml.tui.plot.envelopes import Floats
from asgml.tui.scene.balance_summary import balance_of, parts_of
from asgml.tui.scene.event_text import alerts, log_lines, marks
from asgml.tui.scene.panels import Panel, importance, panels_of, telling
from asgml.tui.scene.scene import MetricRow
from asgml.tui.scene.series import EMPTY, Fault, Summary, TableCut, Track

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

_WAITING = 6
"""So many empty charts stand there while no row has come."""


class Tracks:
    """The tracks of a run, one per column, kept from scene to scene."""

    def __init__(self) -> None:
        self._tracks: dict[str, Track] = {}

    def of(self, metric: Metric, column: str) -> Track:
        if column not in self._tracks:
            neutral = 1.0 if metric.unit == "×" else math.nan
            self._tracks[column] = Track(
                column,
                metric.better,
                every_row=metric.table in ("steps", "probes"),
                neutral=neutral,
            )
        return self._tracks[column]


def metric_rows(
    manifest: Manifest, tables: Mapping[str, TableCut], tracks: Tracks
) -> tuple[MetricRow, ...]:
    """Every column that has a value by now, the most telling first; what was never anything but 1× comes last."""
    found: list[MetricRow] = []
    for metric in sorted(manifest.metrics, key=importance):
        for place, column in enumerate(metric.columns(manifest.modalities)):
            cut = tables.get(metric.table, EMPTY)
            if column in cut and cut.rows:
                summary = tracks.of(metric, column).summary(cut)
                if summary != Summary():
                    found.append(
                        MetricRow(column, metric, place if metric.per_modality else -1, summary)
                    )
    return tuple(sorted(found, key=lambda row: row.summary.idle))


def smoothed_columns(
    manifest: Manifest, tables: Mapping[str, TableCut], tracks: Tracks, weight: float
) -> dict[str, Floats]:
    """The smoothed curves of all charts. Probes and epochs are rare and averaged already: they stay as they are."""
    if weight <= 0:
        return {}
    cut = tables.get("steps", EMPTY)
    drawn = [
        (metric, column)
        for metric in manifest.metrics
        if metric.panel and metric.table == "steps"
        for column in metric.columns(manifest.modalities)
    ]
    return {
        column: tracks.of(metric, column).smoothed(cut, weight)
        for metric, column in drawn
        if column in cut and cut.rows
    }


def panels_with_data(manifest: Manifest, rows: Sequence[MetricRow]) -> tuple[Panel, ...]:
    """The charts that have something to draw; the first ones while there is nothing yet."""
    every = panels_of(manifest)
    return telling(every, {row.column for row in rows if not row.summary.idle}) or tuple(
        every[:_WAITING]
    )


def rate_of(steps: TableCut) -> float:
    """Steps per second over the newest rows, in active time."""
    if steps.rows < 2:
        return math.nan
    begin = max(steps.rows - 50, 0)
    step, active = steps.column("step"), steps.column("active_time")
    seconds = float(active[-1] - active[begin])
    return float(step[-1] - step[begin]) / seconds if seconds > 0 else math.nan


def picture_of(
    manifest: Manifest,
    cuts: Mapping[str, TableCut],
    events: Sequence[Event],
    tracks: Tracks,
    smoothing: float,
) -> dict[str, Any]:
    """The part of a scene that follows from rows and events alone, and is therefore the same live and in replay."""
    steps = cuts.get("steps", EMPTY)
    rows = metric_rows(manifest, cuts, tracks)
    lines, gap, dominant = balance_of(manifest, rows)
    epoch = steps.last("epoch")
    whole_epoch = int(epoch) if math.isfinite(epoch) else 0
    faults: list[Fault] = [row.summary.fault for row in rows if row.summary.fault is not None]
    return {
        "manifest": manifest,
        "step": int(steps.column("step")[-1]) if steps.rows else 0,
        "epoch": whole_epoch,
        "active": float(steps.column("active_time")[-1]) if steps.rows else 0.0,
        "rate": rate_of(steps),
        "rows": rows,
        "balance": lines,
        "gap": gap,
        "dominant": dominant,
        "parts": parts_of(manifest, events, whole_epoch),
        "panels": panels_with_data(manifest, rows),
        "tables": cuts,
        "smoothed": smoothed_columns(manifest, cuts, tracks, smoothing),
        "lines": tuple(log_lines(events)),
        "alerts": tuple(alerts(events, faults)),
        "marks": tuple(marks(events)),
        "zero": _zero(cuts, manifest),
    }


def _zero(cuts: Mapping[str, TableCut], manifest: Manifest) -> float:
    """Where wall time counts from: the first row of the run."""
    starts = [float(cut.column("wall_time")[0]) for cut in cuts.values() if cut.rows]
    return float(np.min(starts)) if starts else manifest.created


def cut_tables(
    run: Run, rows: Mapping[str, int], wall_time: float = math.inf
) -> dict[str, TableCut]:
    """The tables of a run up to the given number of rows each, without what a resume had replaced by then."""
    return {
        table: TableCut(
            run.columns(table),
            run.table(table)[: rows[table]],
            run.current_rows(table, rows[table], wall_time),
        )
        for table in TABLES
    }
