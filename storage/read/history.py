"""The history of a run: its events in order, the knobs they set, the steps it was resumed from."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable

from asgml.storage.format.events import ANSWERS, Event, event_from_line
from asgml.storage.format.knobs import Knob, Value


class History:
    """The events published so far, read from the bytes of the store as they come."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.host = ""
        """Host of the process that started or resumed the run last."""
        self.rest = b""
        self._times: list[float] = []
        self._answers: dict[str, Event] = {}
        self._resumed: list[int] = []
        self._knob_changes: list[int] = []

    def extend(self, content: bytes) -> None:
        """Add more bytes of the text `events`. A line counts once its end is there."""
        *lines, self.rest = (self.rest + content).split(b"\n")
        for line in lines:
            self._add(event_from_line(line))

    def until(self, wall_time: float) -> int:
        """Return the number of events that were visible at a unix time."""
        return bisect_right(self._times, wall_time)

    def answer_to(self, id: str) -> Event | None:
        return self._answers.get(id)

    def resume_steps(self, wall_time: float = math.inf) -> dict[int, int]:
        """Return segment → step of the checkpoint that it went on from, as known at a unix time."""
        visible = self.until(wall_time)
        return {
            self.events[index].segment: self.events[index].step
            for index in self._resumed
            if index < visible
        }

    def knobs_at(
        self, knobs: Iterable[Knob], step: float, wall_time: float, limits: dict[int, float]
    ) -> dict[str, Value]:
        """Return the knobs' values after `step` steps, as known at `wall_time`.

        `limits`: of `segments.step_limits`; a change in steps that were trained again is none.
        """
        values = {knob.name: knob.initial for knob in knobs}
        visible = self.until(wall_time)
        for event in (self.events[index] for index in self._knob_changes if index < visible):
            if event.step <= min(step, limits.get(event.segment, math.inf)):
                values |= _values_set_by(event)
        return values

    def _add(self, event: Event) -> None:
        index = len(self.events)
        self.events.append(event)
        # never decreasing: the trainer's clock may be set back, and `until` bisects
        self._times.append(max(event.wall_time, self._times[-1] if self._times else -math.inf))
        if event.kind in ("started", "resumed"):
            self.host = str(event.get("host") or self.host)
        if event.kind == "resumed":
            self._resumed.append(index)
        if _values_set_by(event):
            self._knob_changes.append(index)
        if event.kind == "command" and event.get("answer") in ANSWERS:
            self._answers.setdefault(str(event.get("id")), event)


def _values_set_by(event: Event) -> dict[str, Value]:
    if event.kind in ("started", "resumed"):
        knobs = event.get("knobs")
        knobs = knobs if isinstance(knobs, dict) else {}
        return {str(name): value for name, value in knobs.items()}
    if event.kind == "command":
        changes = event.get("command") == "set" and event.get("answer") == "applied"
    else:  # a resumed run makes again the changes after its checkpoint
        changes = event.kind == "phase" and event.get("knob") is not None
    return {str(event.get("knob")): event.get("after")} if changes else {}
