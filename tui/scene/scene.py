"""A scene: everything that the screens draw of one moment of a run, live or in replay."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

from asgml.storage.alerts.alert import Alert
from asgml.storage.format.knobs import Knob, KnobError, Value, find_knob
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.metrics import Metric
from asgml.storage.format.status import ALIVE
from asgml.storage.read.remedies import facts_of, remedy
from asgml.tui.scene.balance import NO_BALANCE, BalanceSummary
from asgml.tui.scene.control import Control
from asgml.tui.scene.history import History
from asgml.tui.scene.log_lines import LogLine, alert_line
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.run_data import Overlay, RunData
from asgml.tui.scene.series import Summary


@dataclass(frozen=True)
class Progress:
    """Step, epoch, active time in seconds, and `rate` in steps per second."""

    step: int = 0
    epoch: int = 0
    active: float = 0.0
    rate: float = math.nan


@dataclass(frozen=True)
class MetricRow:
    """One line of the table of metrics. `colour` is -1 for a metric without modalities."""

    column: str
    metric: Metric
    colour: int
    summary: Summary


@dataclass(frozen=True)
class TrainerProcess:
    """The process that trains: its host, seconds since its last sign, the end of its output."""

    pid: int = 0
    host: str = ""
    same_host: bool = True
    silent: float = 0.0
    output: tuple[str, ...] = ()


@dataclass(frozen=True)
class PendingRequest:
    """A request that was sent and has no answer yet."""

    id: str
    kind: str
    knob: str | None
    value: Value | None


@dataclass(frozen=True)
class KnobState:
    """A knob: the value last acknowledged, the one requested, and why one was refused."""

    knob: Knob
    value: Value
    requested: Value | None = None
    refused: str = ""


@dataclass(frozen=True)
class Transport:
    """The position and speed of a replay; `step` is the one that it shows, of `last_step`."""

    playing: bool
    speed: float
    row: int
    rows: int
    step: int = 0
    last_step: int = 0


@dataclass(frozen=True)
class Scene:
    """One moment of a run, ready to be drawn.

    The scene builder fills `manifest` to `history` from rows and events alone, so they are the same
    live and in replay; the session adds the rest.
    """

    name: str
    state: str
    manifest: Manifest | None = None
    progress: Progress = Progress()
    data: RunData = field(default_factory=RunData)
    panels: tuple[Panel, ...] = ()
    rows: tuple[MetricRow, ...] = ()
    balance: BalanceSummary = NO_BALANCE
    history: History = field(default_factory=History)
    overlay: Overlay | None = None
    trainer: TrainerProcess = TrainerProcess()
    knobs: tuple[KnobState, ...] = ()
    pending_requests: tuple[PendingRequest, ...] = ()
    transport: Transport | None = None
    control: Control = field(default_factory=Control)
    problems: tuple[str, ...] = ()
    acknowledged: frozenset[str] = frozenset()
    state_alerts: tuple[Alert, ...] = ()

    @property
    def remedy(self) -> str:
        """What to do about a run in this state, as a clause."""
        return remedy(self.state, facts_of(self.name, self.manifest, self.history.sound_step))

    @property
    def total(self) -> int:
        """Steps of the whole training, 0 while unknown."""
        return self.manifest.total_steps if self.manifest else 0

    @cached_property
    def alerts(self) -> tuple[LogLine, ...]:
        """The alerts of rows and events, the oldest first, and after them what the state tells."""
        return (*self.history.alerts, *(alert_line(alert) for alert in self.state_alerts))

    @cached_property
    def open_alerts(self) -> tuple[LogLine, ...]:
        """The alerts that nobody has acknowledged, the oldest first."""
        return tuple(line for line in self.alerts if line.id not in self.acknowledged)

    @cached_property
    def known(self) -> frozenset[str]:
        """Columns that have a value by now."""
        return frozenset(row.column for row in self.rows)

    @property
    def eta(self) -> float:
        """Seconds of training left at the present rate, NaN where none can be given."""
        rate = self.progress.rate
        if not (self.total and rate > 0 and self.state in ALIVE):
            return math.nan
        return (self.total - self.progress.step) / rate

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
