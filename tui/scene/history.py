"""The history of a run as the screens use it: its events as lines, alerts, marks, knob changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from asgml.storage.format.events import Event
from asgml.storage.read.knob_changes import KnobChange, KnobChanges, changes_before
from asgml.tui.scene.log_lines import LogLine
from asgml.tui.scene.marks import Mark


@dataclass(frozen=True)
class History:
    """The events of a run as text, the oldest first, and as marks on the x axis."""

    lines: tuple[LogLine, ...] = ()
    alerts: tuple[LogLine, ...] = ()
    marks: tuple[Mark, ...] = ()
    sound_step: int | None = None  # of the last sound checkpoint, where the training diverged
    events: Sequence[Event] = ()

    @cached_property
    def changes(self) -> KnobChanges:
        """The knob changes in effect: those that can be undone, those that will end."""
        return changes_before(math.inf, self.events)

    @cached_property
    def ends(self) -> dict[str, KnobChange]:
        """The changes for a time that are in effect, by knob."""
        timed = any(event.get("until") for event in self.events)
        return self.changes.expiring if timed else {}
