"""The events that a resumed run needs: answered commands, and knob changes to make again.

A checkpoint is older than the crash. Knobs that were set in between are set again at the same
steps, so that the resumed run is the one that was not killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Value


@dataclass(frozen=True)
class Replay:
    """A knob change that was applied after the checkpoint, to be made again at its step."""

    step: int
    knob: str
    value: Value


def replays_after(step: int, events: Sequence[Event]) -> list[Replay]:
    """Return the knob changes that the events say were applied at or after `step`."""
    applied = [
        event
        for event in events
        if event.kind == "command"
        and event.get("command") == "set"
        and event.get("answer") == "applied"
    ]
    # those at `step` itself too: an epoch's checkpoint is saved before the commands of its step
    return [
        Replay(event.step, str(event.get("knob")), event.get("after"))
        for event in applied
        if event.step >= step
    ]


def answered_in(events: Sequence[Event]) -> set[str]:
    """Return the ids of all commands that were answered."""
    return {str(event.get("id")) for event in events if event.kind == "command"}
