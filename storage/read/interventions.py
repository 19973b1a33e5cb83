"""The interventions of a run: every knob change that counts, at the step where it took effect."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from asgml.storage.format.events import Event
from asgml.storage.format.schedule import Intervention, Schedule
from asgml.storage.read.knob_changes import changes_before, kept_changes
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
    for event, change in kept_changes(events):
        if event.step <= limits.get(event.segment, math.inf):
            yield Intervention(change.step, change.knob, change.after)
    # what the run itself would do later
    for change in changes_before(math.inf, events).coming_ends():
        yield Intervention(change.until or 0, change.knob, change.back or 0)
