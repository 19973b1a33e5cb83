"""The knob changes that a run makes by itself: of its schedule, and those made before a crash.

A checkpoint is older than the crash. Knobs that were set in between are set again at the same
steps, so that the resumed run is the one that was not killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Knob, Value
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.schedule import checked, read_schedule
from asgml.storage.read.knob_changes import KnobChange, kept_changes


@dataclass(frozen=True)
class Replay:
    """A knob change to make at its step: of a schedule, or again as before a resume."""

    step: int
    knob: str
    value: Value
    schedule: str = ""  # the name of the schedule, "" for a change that a user had made
    change: KnobChange | None = None  # what that user had made

    @property
    def reason(self) -> str:
        return (
            f"by the schedule of {self.schedule}"
            if self.schedule
            else "again, as before the resume"
        )


def read_scheduled(paths: RunPaths, knobs: Sequence[Knob]) -> list[Replay]:
    """Return the changes that the run's schedule makes; none where it has no schedule.

    Raise FormatError for a file that is none, KnobError for a knob or value that cannot be.
    """
    try:
        schedule = checked(read_schedule(paths.schedule), knobs)
    except FileNotFoundError:
        return []
    return [
        Replay(each.step, each.knob, each.value, schedule.source) for each in schedule.interventions
    ]


def replays_after(step: int, events: Sequence[Event]) -> list[Replay]:
    """Return the changes that the events say users made at or after `step`, and did not go back on.

    The ends of changes for a time follow from these.
    """
    # those at `step` itself too: an epoch's checkpoint is saved before the commands of its step
    return [
        Replay(event.step, change.knob, change.after, change=change)
        for event, change in kept_changes(events)
        if event.kind == "command" and event.step >= step
    ]


def answered_in(events: Sequence[Event]) -> set[str]:
    """Return the ids of all commands that were answered."""
    return {str(event.get("id")) for event in events if event.kind == "command"}
