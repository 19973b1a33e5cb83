"""A scene: everything the screens draw of one moment of a run. Live and replay differ only in how the moment is chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from asgml.storage.format.knobs import Knob, KnobError, Value, find_knob
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import Metric
from asgml.tui.plot.envelopes import Floats
from asgml.tui.scene.event_text import LogLine, Mark
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.series import EMPTY, Summary, TableCut

LIVING = ("running", "paused", "stopping", "starting")
ENDED = ("finished", "failed", "stopped", "crashed")


@dataclass(frozen=True)
class PendingRequest:
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
    requested: Value | None = None
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
    pending_requests: tuple[PendingRequest, ...] = ()
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

    @cached_property
    def known(self) -> frozenset[str]:
        """Columns that have a value by now."""
        return frozenset(row.column for row in self.rows)

    @property
    def eta(self) -> float:
        left = self.total - self.step
        return (
            left / self.rate if self.total and self.rate > 0 and self.state in LIVING else math.nan
        )

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
    return (
        column
        if axis == "step"
        else np.fmax.accumulate(column - (zero if axis == "wall_time" else 0.0))
    )
