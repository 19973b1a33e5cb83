"""Interventions as marks on the x axis of every chart."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Value
from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import setting
from asgml.storage.read.event_text import STARTS_OR_ENDS, is_applied, with_pauses


@dataclass(frozen=True)
class Mark:
    """An intervention on the x axis.

    Its kind is change, pause, resume, segment (the training went on from a checkpoint) or note. A
    change has a short name of the knob, and the values `before` (None: unknown) and `after`.
    `held`: seconds of the pause that a resume ended.
    """

    step: float
    wall_time: float
    active_time: float
    kind: str
    knob: str = ""
    before: Value | None = None
    after: Value | None = None
    held: float = 0.0


def marks(events: Sequence[Event], knobs: Collection[str] = ()) -> list[Mark]:
    """Return the marks of what still counts, in the order of the events.

    What happened after the step that a later segment went on from was undone by that. `knobs` are
    the names of all knobs of the run, for short names that are not those of two.
    """
    limits = _step_limits(events)
    names = short_names({*knobs, *(str(event.get("knob")) for event in events)})
    found: list[Mark] = []
    for event, pause in with_pauses(events):
        kind = _kind(event, pause)
        if not kind or event.step > limits.get(event.segment, math.inf):
            continue
        fields = event.fields
        held = event.wall_time - pause.wall_time if kind == "resume" and pause is not None else 0.0
        change = (fields.get("before"), fields.get("after")) if kind == "change" else (None, None)
        knob = names[str(event.get("knob"))] if kind == "change" else ""
        times = (event.step, event.wall_time, event.active_time)
        found.append(Mark(*times, kind, knob, *change, held))
    return found


def _step_limits(events: Iterable[Event]) -> dict[int, float]:
    """Return segment → its last step that still counts."""
    limits: dict[int, float] = {}
    for event in events:
        if event.kind == "resumed":
            for segment in {*limits, event.segment - 1}:
                if segment < event.segment:
                    limits[segment] = min(limits.get(segment, math.inf), event.step)
    return limits


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


def short_names(names: Iterable[str]) -> dict[str, str]:
    """Return name → short name; of two knobs with one last part, the parts before it as well."""
    known = list(names)
    lasts = [short_knob(name) for name in known]
    return {
        name: last if lasts.count(last) == 1 else safe(name[: name.rfind(".") + 1]) + last
        for name, last in zip(known, lasts, strict=True)
    }


def _kind(event: Event, pause: Event | None) -> str:
    """Return the kind of mark that an event gets, "" for none."""
    if event.kind == "resumed":
        return "segment"
    if not (event.kind == "phase" or is_applied(event)):
        return ""
    if event.get("knob") and event.get("after") is not None:
        return "change" if event.get("before") != event.get("after") else ""
    command = event.get("command")
    if command == "pause" and pause is not None:  # paused already: one mark for one pause
        return ""
    if command == "resume" and pause is None:
        return ""
    return str(command) if command in ("pause", "resume", "note") else ""


def change_text(knob: str, before: Value | None, after: Value | None) -> str:
    """Return a change beside its mark: the knob, up, down or to, and the new value."""
    numbers = isinstance(before, (int, float)) and isinstance(after, (int, float))
    if not numbers or isinstance(after, bool) or before == after:
        return f"{knob}→{setting(after)}"
    assert isinstance(before, (int, float)) and isinstance(after, (int, float))
    return f"{knob}{'↓' if after < before else '↑'}{setting(after)}"
