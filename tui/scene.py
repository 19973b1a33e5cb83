"""A scene: everything the screens draw of one moment of a run. Live and replay differ only in how the moment is chosen."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.events import Event
from storage.knobs import Knob, KnobError, Value, find_knob
from storage.manifest import Manifest
from storage.metrics import TABLES, Metric
from tui.panels import Panel, panels_of
from tui.series import Floats
from tui.story import LogLine, Mark, alerts, log_lines, marks
from tui.track import EMPTY, Fault, Summary, TableCut, Track

if TYPE_CHECKING:
    from storage.reader import Run

LIVING = ("running", "paused", "stopping", "starting")
ENDED = ("finished", "failed", "stopped", "crashed")


@dataclass(frozen=True)
class Wish:
    """A request that was sent and has no answer yet."""

    id: str
    kind: str
    knob: str | None
    value: Value | None


@dataclass(frozen=True)
class KnobState:
    """A knob with the value the trainer last acknowledged, and what was asked for since."""

    knob: Knob
    value: Value
    wish: Value | None = None
    refused: str = ""


@dataclass(frozen=True)
class Part:
    """A modulator and whether it acts now."""

    name: str
    summary: str
    open: bool
    window: str


@dataclass(frozen=True)
class Balance:
    """One modality in the balance panel. NaN where the run does not record the number."""

    modality: str
    probe: float
    own: float
    norm: float
    norm_after: float
    gain: float
    boost: float
    ratio: float


@dataclass(frozen=True)
class MetricRow:
    """One line of the table of metrics."""

    column: str
    metric: Metric
    colour: int
    summary: Summary


@dataclass(frozen=True)
class Transport:
    """Where a replay stands."""

    playing: bool
    speed: float
    row: int
    rows: int


@dataclass(frozen=True)
class Scene:
    """One moment of a run, ready to be drawn."""

    name: str
    state: str
    manifest: Manifest | None = None
    step: int = 0
    epoch: int = 0
    active: float = 0.0
    rate: float = math.nan
    silent: float = 0.0
    pid: int = 0
    host: str = ""
    same_host: bool = True
    knobs: tuple[KnobState, ...] = ()
    wishes: tuple[Wish, ...] = ()
    parts: tuple[Part, ...] = ()
    balance: tuple[Balance, ...] = ()
    gap: float = math.nan
    dominant: str = ""
    panels: tuple[Panel, ...] = ()
    rows: tuple[MetricRow, ...] = ()
    tables: Mapping[str, TableCut] = field(default_factory=dict)
    smoothed: Mapping[str, Floats] = field(default_factory=dict)
    lines: tuple[LogLine, ...] = ()
    alerts: tuple[LogLine, ...] = ()
    marks: tuple[Mark, ...] = ()
    problems: tuple[str, ...] = ()
    trainer_log: tuple[str, ...] = ()
    transport: Transport | None = None
    zero: float = 0.0
    overlay: Overlay | None = None

    @property
    def total(self) -> int:
        return self.manifest.total_steps if self.manifest else 0

    @property
    def eta(self) -> float:
        left = self.total - self.step
        return left / self.rate if self.total and self.rate > 0 and self.state in LIVING else math.nan

    @property
    def main_knob(self) -> KnobState | None:
        """The knob shown in the status line: alpha, or the first one."""
        if not self.knobs:
            return None
        try:
            wanted = find_knob("alpha", [state.knob for state in self.knobs]).name
        except KnobError:
            wanted = self.knobs[0].knob.name
        return next(state for state in self.knobs if state.knob.name == wanted)

    def table(self, name: str) -> TableCut:
        return self.tables.get(name, EMPTY)

    def x(self, table: str, axis: str) -> Floats:
        """The x values of a table: steps, or seconds since the run began."""
        return _x(self.table(table), axis, self.zero)


@dataclass(frozen=True)
class Overlay:
    """Another run under the charts."""

    name: str
    tables: Mapping[str, TableCut]
    smoothed: Mapping[str, Floats]
    zero: float

    def x(self, table: str, axis: str) -> Floats:
        return _x(self.tables.get(table, EMPTY), axis, self.zero)


def _x(cut: TableCut, axis: str, zero: float) -> Floats:
    """Never decreasing, also where a machine's clock was set back or a resumed run counts from its checkpoint."""
    column = cut.column(axis)
    return column if axis == "step" else np.fmax.accumulate(column - (zero if axis == "wall_time" else 0.0))


class Tracks:
    """The tracks of a run, one per column, kept from scene to scene."""

    def __init__(self) -> None:
        self._tracks: dict[str, Track] = {}

    def of(self, metric: Metric, column: str) -> Track:
        if column not in self._tracks:
            self._tracks[column] = Track(column, metric.better, every_row=metric.table in ("steps", "probes"))
        return self._tracks[column]


def metric_rows(manifest: Manifest, tables: Mapping[str, TableCut], tracks: Tracks) -> tuple[MetricRow, ...]:
    """Every column that has a value by now."""
    found: list[MetricRow] = []
    for metric in manifest.metrics:
        for place, column in enumerate(metric.columns(manifest.modalities)):
            cut = tables.get(metric.table, EMPTY)
            if column in cut and cut.rows:
                summary = tracks.of(metric, column).summary(cut)
                if summary != Summary():
                    found.append(MetricRow(column, metric, place if metric.per_modality else -1, summary))
    return tuple(found)


def smoothed_columns(manifest: Manifest, tables: Mapping[str, TableCut], tracks: Tracks, weight: float) -> dict[str, Floats]:
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
    return {column: tracks.of(metric, column).smoothed(cut, weight) for metric, column in drawn if column in cut and cut.rows}


def panels_with_data(manifest: Manifest, rows: Sequence[MetricRow]) -> tuple[Panel, ...]:
    """The charts that have something to draw; all of them while there is nothing yet."""
    known = {row.column for row in rows}
    every = panels_of(manifest)
    return tuple(panel for panel in every if any(line.column in known for line in panel.lines)) or tuple(every)


def balance_of(manifest: Manifest, rows: Sequence[MetricRow]) -> tuple[tuple[Balance, ...], float, str]:
    """The balance panel's lines, the gap and the dominant modality ("" while nothing is known)."""
    last = {row.column: row.summary.last for row in rows}

    def value(name: str, modality: str) -> float:
        return last.get(f"{name}/{modality}", math.nan)

    names = ("probe_accuracy", "own_accuracy", "grad_norm", "grad_norm_after", "gain", "boost_scale", "discrepancy")
    lines = tuple(Balance(modality, *(value(name, modality) for name in names)) for modality in manifest.modalities)
    strength = _strength(manifest, value)
    ranked = [(number, modality) for modality, number in strength.items() if math.isfinite(number)]
    gap = last.get("utilization_gap", math.nan)
    if len(ranked) < 2:
        return lines, gap, ""
    if not math.isfinite(gap):
        gap = max(ranked)[0] - min(ranked)[0]
    return lines, gap, max(ranked)[1]


def _strength(manifest: Manifest, value: Any) -> dict[str, float]:
    """What modalities are compared by: utilization, else probe accuracy, else the accuracy of their own logits."""
    for name in ("utilization", "probe_accuracy", "own_accuracy"):
        found = {modality: value(name, modality) for modality in manifest.modalities}
        if any(math.isfinite(number) for number in found.values()):
            return found
    return {}


def parts_of(manifest: Manifest, events: Sequence[Event], epoch: int) -> tuple[Part, ...]:
    """Every modulator with its window; what the trainer said last counts more than the plan."""
    return tuple(_part(record, events, epoch) for record in manifest.parts)


def _part(record: Mapping[str, Any], events: Sequence[Event], epoch: int) -> Part:
    name, window = str(record.get("name", "?")), record.get("window")
    first, last = window if window is not None else (0, None)
    end = math.inf if last is None or last < 0 else last  # -1: stays open
    said = _phase(name, events)
    words = "always" if first <= 0 and end == math.inf else f"epochs {first}–{'∞' if end == math.inf else last}"
    return Part(name, str(record.get("summary", "")), first <= epoch <= end if said is None else said, words)


def _phase(name: str, events: Sequence[Event]) -> bool | None:
    """What the trainer said last of this part's window."""
    for event in reversed(events):
        if event.kind != "phase":
            continue
        if event.get("part") == name and isinstance(event.get("open"), bool):
            return bool(event.get("open"))
        message = str(event.get("message", ""))
        if re.search(rf"\b{re.escape(name)} window (closed|open)", message):
            return "closed" not in message
    return None


def knob_states(
    manifest: Manifest, values: Mapping[str, Value], wishes: Sequence[Wish], refusals: Mapping[str, str]
) -> tuple[KnobState, ...]:
    """Acknowledged values as facts, wishes beside them."""
    wanted = {wish.knob: wish.value for wish in wishes if wish.kind == "set"}
    return tuple(
        KnobState(knob, values.get(knob.name, knob.initial), wanted.get(knob.name), refusals.get(knob.name, "")) for knob in manifest.knobs
    )


def refusals(events: Sequence[Event], mine: Sequence[str]) -> dict[str, str]:
    """Knob → reason, where the last of the requests sent from here was not applied."""
    found: dict[str, str] = {}
    for event in events:
        knob = event.get("knob")
        if event.kind == "command" and event.get("id") in mine and isinstance(knob, str):
            found.pop(knob, None)
            if event.get("answer") != "applied":
                found[knob] = f"{event.get('answer')}: {event.get('reason', '')}"
    return found


def rate_of(steps: TableCut) -> float:
    """Steps per second over the newest rows, in active time."""
    if steps.rows < 2:
        return math.nan
    begin = max(steps.rows - 50, 0)
    step, active = steps.column("step"), steps.column("active_time")
    seconds = float(active[-1] - active[begin])
    return float(step[-1] - step[begin]) / seconds if seconds > 0 else math.nan


def picture_of(
    manifest: Manifest, cuts: Mapping[str, TableCut], events: Sequence[Event], tracks: Tracks, smoothing: float
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


def cut_tables(run: Run, rows: Mapping[str, int], wall_time: float = math.inf) -> dict[str, TableCut]:
    """The tables of a run up to the given number of rows each, without what a resume had replaced by then."""
    return {
        table: TableCut(run.columns(table), run.table(table)[: rows[table]], run.current_rows(table, rows[table], wall_time))
        for table in TABLES
    }
