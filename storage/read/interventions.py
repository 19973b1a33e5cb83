"""The interventions of a run: every knob change that counts, at the step where it took effect."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from asgml.storage.format.events import Event
from asgml.storage.format.schedule import Intervention, Schedule
from asgml.storage.format.typed import is_value
from asgml.storage.read.segments import step_limits

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


def schedule_of(run: Run, until: float = math.inf) -> Schedule:
    """Return the knob changes of a run before the step `until`, by commands and by a schedule.

    A change in steps that a resumed run trained again is none; pauses change no number.
    """
    made = [each for each in _interventions(run.events) if each.step < until]
    # of the same change made again by a resumed run the last one stays: at one step the last counts
    newest_first = dict.fromkeys(reversed(made))
    return Schedule(run.paths.name, list(reversed(newest_first)))


def _interventions(events: Iterable[Event]) -> Iterator[Intervention]:
    events = list(events)
    limits = step_limits({each.segment: each.step for each in events if each.kind == "resumed"})
    for event in events:
        if _changes_a_knob(event) and event.step <= limits.get(event.segment, math.inf):
            yield Intervention(event.step, str(event.get("knob")), event.get("after"))


def _changes_a_knob(event: Event) -> bool:
    if event.get("knob") is None or not is_value(event.get("after")) or event.step < 0:
        return False
    applied = event.get("command") == "set" and event.get("answer") == "applied"
    return event.kind == "phase" or (event.kind == "command" and bool(applied))
