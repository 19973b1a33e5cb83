"""Interventions as marks on the x axis of every chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from asgml.storage.format.events import Event
from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import duration, setting
from asgml.storage.read.event_text import STARTS_OR_ENDS, is_applied, with_pauses


@dataclass(frozen=True)
class Mark:
    """An intervention on the x axis: kind "pause" or "change", and a label of a few cells."""

    step: float
    wall_time: float
    active_time: float
    kind: str
    label: str


def marks(events: Iterable[Event]) -> list[Mark]:
    """Return the marks of knob changes, pauses, notes and resumes, in the order of the events."""
    found: list[Mark] = []
    for event, pause in with_pauses(events):
        if event.kind == "command" and event.get("command") == "resume" and pause is not None:
            found = [_with_length(mark, event, pause) for mark in found]
        label = _label(event, pause)
        if label:
            found.append(Mark(event.step, event.wall_time, event.active_time, _kind(event), label))
    return found


def paused_at(events: Sequence[Event]) -> bool:
    """Return True where the last applied command of its kind was a pause."""
    for event in reversed(events):
        if event.kind in STARTS_OR_ENDS:
            return False
        if is_applied(event) and event.get("command") in ("pause", "resume"):
            return bool(event.get("command") == "pause")
    return False


def short_knob(name: str) -> str:
    """Return a knob's name as it fits beside a mark: its last part, α for alpha."""
    last = name.rpartition(".")[2]
    return "α" if last == "alpha" else safe(last)


def _kind(event: Event) -> str:
    stood_still = event.get("command") == "pause" or event.kind == "resumed"
    return "pause" if stood_still else "change"


def _label(event: Event, pause: Event | None) -> str:
    if event.kind == "resumed":
        return "resumed"
    if not is_applied(event):
        return ""
    command = event.get("command")
    if command == "set":
        return f"{short_knob(str(event.get('knob')))}→{setting(event.get('after'))}"
    if command == "pause" and pause is not None:  # paused already: one mark for one pause
        return ""
    return {"pause": "‖", "note": "✎"}.get(str(command), "")


def _with_length(mark: Mark, event: Event, pause: Event) -> Mark:
    if mark.kind != "pause" or mark.wall_time != pause.wall_time:
        return mark
    return replace(mark, label=f"‖ {duration(event.wall_time - pause.wall_time)}")
