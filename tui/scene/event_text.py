"""What happened, in words: events as log lines, as marks on the charts and as alerts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asgml.storage.format.events import SCORES, Event
from asgml.storage.format.knobs import Value
from asgml.tui.scene.series import Fault
from asgml.tui.terminal.format import duration, number, safe, setting, size

_ROUTINE = ("epoch",)
"""Why a checkpoint is saved that nobody asked for."""


@dataclass(frozen=True)
class LogLine:
    """One line of the event log. `level` is info, good, warn or bad; `routine`: it comes by the clock, nobody asked for it."""

    step: int
    tag: str
    text: str
    level: str
    wall_time: float = 0.0
    routine: bool = False


@dataclass(frozen=True)
class Mark:
    """An intervention on the x axis of every chart."""

    step: float
    wall_time: float
    active_time: float
    kind: str
    label: str


def log_lines(events: Iterable[Event]) -> list[LogLine]:
    """Events in their order, one line each; a resume knows how long the pause was."""
    lines: list[LogLine] = []
    paused: Event | None = None
    for event in events:
        lines.append(_log_line(event, paused))
        paused = _pause_after(event, paused)
    return lines


def marks(events: Iterable[Event]) -> list[Mark]:
    """Knob changes, pauses, notes and resumed runs."""
    found: list[Mark] = []
    paused: Event | None = None
    for event in events:
        label = _mark_label(event, paused)
        if (
            event.kind == "command"
            and event.get("command") == "resume"
            and paused is not None
            and found
        ):
            found = [_with_length(mark, event, paused) for mark in found]
        paused = _pause_after(event, paused)
        if label:
            kind = (
                "pause" if event.get("command") == "pause" or event.kind == "resumed" else "change"
            )
            found.append(Mark(event.step, event.wall_time, event.active_time, kind, label))
    return found


def alerts(events: Iterable[Event], faults: Sequence[Fault]) -> list[LogLine]:
    """What a person should look at, the oldest first: alerts of the trainer, and the first NaN or infinity of each column."""
    told = [
        line
        for line in log_lines(
            event for event in events if event.kind in {"alert", "failed", "unreadable"}
        )
    ]
    columns = {str(event.get("column")) for event in events if event.kind == "alert"}
    seen = [_fault_line(fault) for fault in faults if fault.column not in columns]
    return sorted([*told, *seen], key=lambda line: line.step)


def paused_at(events: Sequence[Event]) -> bool:
    """Whether the last applied command of its kind was a pause."""
    for event in reversed(events):
        if event.kind in {"started", "resumed", "finished", "stopped", "failed"}:
            return False
        if _applied(event) and event.get("command") in {"pause", "resume"}:
            return bool(event.get("command") == "pause")
    return False


def short_knob(name: str) -> str:
    """A knob's name as it fits beside a mark."""
    last = name.rpartition(".")[2]
    return "α" if last == "alpha" else safe(last)


def _fault_line(fault: Fault) -> LogLine:
    return LogLine(
        fault.step,
        "NaN" if math.isnan(fault.value) else "INF",
        f"{safe(fault.column)} is {number(fault.value)} for the first time",
        "bad",
    )


def _applied(event: Event) -> bool:
    return event.kind == "command" and event.get("answer") == "applied"


def _pause_after(event: Event, paused: Event | None) -> Event | None:
    if _applied(event) and event.get("command") in {"pause", "resume", "stop"}:
        return event if event.get("command") == "pause" else None
    return None if event.kind in {"started", "resumed", "finished", "stopped", "failed"} else paused


def _mark_label(event: Event, paused: Event | None) -> str:
    if event.kind == "resumed":
        return "resumed"
    if not _applied(event):
        return ""
    command = event.get("command")
    if command == "set":
        return f"{short_knob(str(event.get('knob')))}→{setting(event.get('after'))}"
    return (
        {"pause": "‖", "note": "✎"}.get(str(command), "")
        if paused is None or command != "pause"
        else ""
    )


def _with_length(mark: Mark, event: Event, paused: Event) -> Mark:
    if mark.kind != "pause" or mark.wall_time != paused.wall_time:
        return mark
    return Mark(
        mark.step,
        mark.wall_time,
        mark.active_time,
        mark.kind,
        f"‖ {duration(event.wall_time - paused.wall_time)}",
    )


def _log_line(event: Event, paused: Event | None) -> LogLine:
    tag, text, level = _words(event, paused)
    return LogLine(
        event.step,
        tag,
        text,
        level,
        event.wall_time,
        event.kind == "checkpoint" and event.get("why") in _ROUTINE,
    )


def _words(event: Event, paused: Event | None) -> tuple[str, str, str]:
    fields = {key: safe(value) for key, value in event.fields.items() if isinstance(value, str)}
    if event.kind == "command":
        return _command_words(event, paused)
    if event.kind in {"started", "resumed"}:
        return (
            "RUN",
            f"{event.kind}  pid {event.get('pid')}  host {fields.get('host', '?')}",
            "good",
        )
    if event.kind == "checkpoint":
        return (
            "CKPT",
            _join(
                fields.get("path", "saved"), _bytes(event), _seconds(event), fields.get("why", "")
            ),
            "info",
        )
    if event.kind == "evaluation":
        found = [
            f"{name.replace('_', ' ')} {_value(event, name)}"
            for name in SCORES
            if name in event.fields
        ]
        return "EVAL", _join(fields.get("split", ""), *found), "info"
    if event.kind == "alert":
        level = "bad" if event.get("level") in {"error", "critical", "bad"} else "warn"
        return "WARN", fields.get("message", ""), level
    if event.kind == "failed":
        return "FAIL", fields.get("error", "failed"), "bad"
    if event.kind == "unreadable":
        return "????", _join("an event line cannot be read:", fields.get("reason", "")), "warn"
    words = fields.get("message", event.kind)
    return (
        {"phase": "PHASE"}.get(event.kind, "RUN"),
        words,
        "good" if event.kind in {"finished", "stopped"} else "info",
    )


def _command_words(event: Event, paused: Event | None) -> tuple[str, str, str]:
    answer = str(event.get("answer"))
    who = f"by {safe(event.get('issuer'))}" if event.get("issuer") else ""
    if answer != "applied":
        return (
            "CMD",
            _join(f"{_asked(event)} {safe(answer)}: {safe(event.get('reason', ''))}", who),
            "warn",
        )
    held = (
        f"held {duration(event.wall_time - paused.wall_time)}"
        if event.get("command") == "resume" and paused
        else ""
    )
    latency = event.get("latency")
    waited = ""
    if isinstance(latency, (int, float)):  # what was asked for a later step had to wait for it
        waited = f"ack {latency:.1f} s" if latency < 5 else f"after {duration(latency)}"
    note = (
        f"“{safe(event.get('note'))}”"
        if event.get("note") and event.get("command") != "note"
        else ""
    )
    return "CMD", _join(_asked(event), held, note, who, waited), "info"


def _asked(event: Event) -> str:
    command = safe(event.get("command", "?"))
    if command == "set":
        return _set_words(safe(event.get("knob", "?")), event.get("before"), event.get("after"))
    if command == "note":
        return f"note “{safe(event.get('note', ''))}”"
    return f"stop {safe(event.get('how', ''))}".strip() if command == "stop" else command


def _set_words(knob: str, before: Value | None, after: Value | None) -> str:
    if after is None:
        return f"set {knob}"
    return (
        f"set {knob} {setting(before)} → {setting(after)}"
        if before is not None
        else f"set {knob} → {setting(after)}"
    )


def _join(*parts: str) -> str:
    return "  ".join(part for part in parts if part)


def _bytes(event: Event) -> str:
    amount = event.get("bytes")
    return size(amount) if isinstance(amount, (int, float)) else ""


def _seconds(event: Event) -> str:
    seconds = event.get("seconds")
    return f"{seconds:.1f} s" if isinstance(seconds, (int, float)) else ""


def _value(event: Event, name: str) -> str:
    value = event.get(name)
    return number(float(value)) if isinstance(value, (int, float)) else "–"
