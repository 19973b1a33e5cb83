"""The event log on screen: the text of each event with its level, and the alerts among them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from asgml.storage.alerts.acknowledged import MAX_ID
from asgml.storage.alerts.alert import Alert
from asgml.storage.format.events import Event
from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import number
from asgml.storage.read.event_text import event_text, is_applied, with_pauses
from asgml.tui.scene.series import Fault

_ROUTINE = ("epoch",)
"""Reasons of checkpoints that nobody asked for."""
_NEED_ATTENTION = ("alert", "failed", "diverged", "unreadable")
_LEVELS = {
    "started": "good",
    "resumed": "good",
    "finished": "good",
    "stopped": "good",
    "failed": "bad",
    "diverged": "bad",
    "unreadable": "warn",
}


@dataclass(frozen=True)
class LogLine:
    """One line of the event log.

    `step` is the one that it speaks of: an alert may have been noticed later. `level` is info,
    good, warn or bad. `routine`: nobody asked for what happened.
    `id`: of an alert, by which it is acknowledged.
    """

    step: int
    tag: str
    text: str
    level: str
    wall_time: float = 0.0
    routine: bool = False
    id: str = ""


def log_lines(events: Iterable[Event]) -> list[LogLine]:
    """Return one line for each event, in their order; a resume tells how long the pause was."""
    return [_log_line(event, pause) for event, pause in with_pauses(events)]


def alerts(events: Iterable[Event], faults: Sequence[Fault]) -> list[LogLine]:
    """Return the lines that need attention, the oldest first.

    Those are the trainer's alerts, and the first NaN or infinity of each column without one.
    """
    chosen = [(n, event) for n, event in enumerate(events) if event.kind in _NEED_ATTENTION]
    columns = {str(event.get("column")) for _, event in chosen if event.kind == "alert"}
    unreported = [_fault_line(fault) for fault in faults if fault.column not in columns]
    told = [replace(_log_line(event, None), id=f"e{n}") for n, event in chosen]
    return sorted([*told, *unreported], key=lambda line: line.step)


def alert_line(alert: Alert) -> LogLine:
    """Return the line of an alert that no event tells."""
    level = "bad" if alert.level == "error" else "warn"
    text = safe(alert.message)
    return LogLine(alert.step, "WARN", text, level, alert.wall_time, id=alert.id)


def _log_line(event: Event, pause: Event | None) -> LogLine:
    shown = event_text(event, pause)
    routine = event.kind == "checkpoint" and event.get("why") in _ROUTINE
    return LogLine(event.about, shown.tag, shown.text, _level(event), event.wall_time, routine)


def _level(event: Event) -> str:
    if event.kind == "command":
        return "info" if is_applied(event) else "warn"
    if event.kind == "alert":
        return "bad" if event.get("level") in ("error", "critical", "bad") else "warn"
    return _LEVELS.get(event.kind, "info")


def _fault_line(fault: Fault) -> LogLine:
    tag = "NaN" if math.isnan(fault.value) else "INF"
    text = f"{safe(fault.column)} is {number(fault.value)} for the first time"
    return LogLine(fault.step, tag, text, "bad", id=f"{tag}.{safe(fault.column)}"[:MAX_ID])
