"""The interventions of a run as a list: those that were made, and those that are to come."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from asgml.storage.commands.inbox import Request, read_request
from asgml.storage.format.errors import FormatError
from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.safe_text import one_line, safe
from asgml.storage.format.schedule import read_schedule
from asgml.storage.format.typed import is_count
from asgml.storage.format.value_text import setting
from asgml.storage.read.event_text import event_text, is_applied, with_pauses
from asgml.storage.read.knob_changes import KnobChange, change_of
from asgml.tui.scene.scene import Scene

MOST_COMING = 200
"""Most coming interventions that are listed, and most waiting files that are looked at."""
_STANDING = ("pause", "resume", "stop")


@dataclass(frozen=True)
class InterventionLine:
    """One intervention. `fate` is "", "undone", "over" or, for one to come, "coming"."""

    step: int
    text: str
    fate: str = ""


def made_interventions(events: Iterable[Event]) -> list[InterventionLine]:
    """Return what was changed, paused and undone, in the order of the events."""
    events = list(events)
    undone = {str(event.get("undo")) for event in events if is_applied(event) and event.get("undo")}
    over = set(_ended(events))
    return [
        InterventionLine(event.step, event_text(event, pause).text, _fate(event, undone, over))
        for event, pause in with_pauses(events)
        if _is_one(event)
    ]


def coming_interventions(scene: Scene, run: Path) -> list[InterventionLine]:
    """Return what is to come: ends of changes for a time, the schedule, requests that wait.

    The nearest first. Files of the run that cannot be read hold nothing to come.
    """
    step = scene.progress.step
    lines = [
        InterventionLine(change.until or 0, _end_text(change))
        for change in scene.history.changes.coming_ends()
    ]
    lines += [*_scheduled(run), *_waiting(run)]
    ahead = sorted((line for line in lines if line.step >= step), key=lambda line: line.step)
    return [InterventionLine(line.step, line.text, "coming") for line in ahead[:MOST_COMING]]


def _end_text(change: KnobChange) -> str:
    after, back = setting(change.after), setting(change.back)
    return f"{safe(change.knob)} {after} → {back}: its time is over"


def _is_one(event: Event) -> bool:
    if event.kind == "command":
        return is_applied(event) and event.get("command") in ("set", "undo", *_STANDING)
    # what a resumed run makes again stands in the list already
    return change_of(event) is not None and not event.get("repeats")


def _ended(events: Sequence[Event]) -> Iterator[str]:
    """Yield the ids of changes whose time is over: an undo may have carried one to its end."""
    ends: dict[str, int] = {}
    for event in reversed(events):
        knob, until = str(event.get("knob")), event.get("until")
        if event.get("expired"):
            yield str(event.get("expired"))
            ends.setdefault(knob, event.step)
        elif is_count(until) and until <= ends.get(knob, -1):
            yield str(event.get("id"))


def _fate(event: Event, undone: set[str], over: set[str]) -> str:
    id = str(event.get("id"))
    return "undone" if id in undone else "over" if id in over else ""


def _scheduled(run: Path) -> Iterator[InterventionLine]:
    with contextlib.suppress(FormatError, OSError):
        schedule = read_schedule(RunPaths(run).schedule)
        for each in schedule.interventions:
            text = f"{safe(each.knob)} → {setting(each.value)}  by the schedule of "
            yield InterventionLine(each.step, text + one_line(schedule.source))


def _waiting(run: Path) -> Iterator[InterventionLine]:
    commands = RunPaths(run).commands
    with contextlib.suppress(OSError):
        names = sorted(name for name in os.listdir(commands) if not name.startswith("."))
        for name in names[:MOST_COMING]:
            request = read_request(commands / name)
            if isinstance(request, Request) and request.at_step is not None:
                yield InterventionLine(request.at_step, _asked(request))


def _asked(request: Request) -> str:
    value = "" if request.value is None else f" → {setting(request.value)}"
    why = f"  “{one_line(request.note)}”" if request.note else ""
    return f"{request.kind} {safe(request.knob or '')}{value}{why}  by {one_line(request.issuer)}"
