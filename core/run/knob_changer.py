"""Changing knobs in a training: by commands, by its schedule, and back when their time is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from asgml.core.config.live_settings import LiveSettings
from asgml.core.run.command_checks import RefusedError, check_last_change
from asgml.core.run.recorder import Recorder
from asgml.core.run.replays import Replay
from asgml.storage.commands.inbox import Request
from asgml.storage.format.knobs import Value, find_knob
from asgml.storage.format.value_text import setting
from asgml.storage.read.knob_changes import KnobChange, KnobChanges


class KnobChanger:
    """Sets the knobs of a run. `changes`: those in effect, that can be undone or will expire."""

    def __init__(self, live_settings: LiveSettings, recorder: Recorder) -> None:
        self.live_settings = live_settings
        self.recorder = recorder
        self.changes = KnobChanges()
        self._replays: list[Replay] = []

    def restore(self, replays: Sequence[Replay], changes: KnobChanges) -> None:
        """Take over the changes in effect, and those that the run makes by itself later."""
        # a stable sort: two changes at one step keep their order
        self._replays = sorted(replays, key=lambda replay: replay.step)
        self.changes = changes

    def make_due(self) -> None:
        """Make the changes that the run makes by itself at this step: ends first, then replays."""
        for change in self.changes.due(self.recorder.step):
            self._end(change)
        while self._replays and self._replays[0].step <= self.recorder.step:
            self._replay(self._replays.pop(0))

    def set(self, request: Request) -> dict[str, Any]:
        """Set a knob, for a time where one is given; return the fields of the answer."""
        name = find_knob(request.knob or "", self.live_settings.knobs).name
        lasting = self.changes.lasting_value(name, self.live_settings.values[name])
        _, before, after = self.live_settings.set(name, request.value)
        timed: dict[str, Any] = {}
        if request.for_steps is not None:
            timed = {"until": self.recorder.step + request.for_steps, "back": lasting}
        change = KnobChange(request.id, self.recorder.step, name, before, after, **timed)
        self.changes.add(change)
        return _fields(change)

    def undo(self, request: Request) -> dict[str, Any]:
        """Undo the last change; return the fields of the answer. Raise RefusedError for none.

        The answer is one of a command `set`: for a reader of the run it is one more change.
        """
        last, step = self.last(request), self.recorder.step
        present = self.live_settings.values[last.knob]
        change = self.changes.undo(request.id, last, step, present)
        self.live_settings.set(last.knob, change.after)
        self.changes.add(change)
        return {"command": "set", **_fields(change)}

    def last(self, request: Request) -> KnobChange:
        """Return the change that a request to undo means. Raise RefusedError where it is none."""
        last = self.changes.last(self.recorder.step)
        check_last_change(request, last)
        if last is None or last.knob not in self.live_settings.values:
            raise RefusedError("no knob of this run was changed, so there is nothing to undo")
        return last

    def _end(self, change: KnobChange) -> None:
        """Give a knob its lasting value back."""
        name, before, after = self.live_settings.set(change.knob, change.back)
        self.changes.end(name)
        message = f"{name} {setting(before)} → {setting(after)}: its time is over"
        fields = {"knob": name, "before": before, "after": after, "expired": change.id}
        self.recorder.event("phase", message=message, **fields)

    def _replay(self, replay: Replay) -> None:
        expiring = self.changes.expiring
        name, before, after = self.live_settings.set(replay.knob, replay.value)
        then = _end_of(expiring.get(name))
        made = replay.change or KnobChange("", self.recorder.step, name, before, after)
        self.changes.add(made)
        # what the checkpoint has already is no event
        if before == after and then == _end_of(expiring.get(name)) and not replay.schedule:
            return
        message = f"{name} {setting(before)} → {setting(after)} {replay.reason}"
        fields = {**_fields(made), "before": before}
        fields |= {"repeats": made.id} if made.id else {}
        fields |= {"schedule": replay.schedule} if replay.schedule else {}
        self.recorder.event("phase", message=message, **fields)


def _end_of(change: KnobChange | None) -> tuple[int | None, Value | None]:
    return (change.until, change.back) if change else (None, None)


def _fields(change: KnobChange) -> dict[str, Any]:
    """Return the fields by which an event tells of a change."""
    fields: dict[str, Any] = {"knob": change.knob, "before": change.before, "after": change.after}
    if change.until is not None:
        fields |= {"until": change.until, "back": change.back}
    return fields | ({"undo": change.undoes} if change.undoes else {})
