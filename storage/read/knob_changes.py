"""The knob changes of a run that are in effect: which of them can be undone, which will expire."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Value
from asgml.storage.format.typed import is_count, is_value


@dataclass(frozen=True)
class KnobChange:
    """One knob change, made after `step` steps.

    `until`: the step after which the knob gets the value `back` again, None for a lasting change.
    `id` is that of the command, "" for a change of the run itself; `undoes` that of the one undone.
    """

    id: str
    step: int
    knob: str
    before: Value
    after: Value
    until: int | None = None
    back: Value | None = None
    undoes: str = ""

    def lasts(self, step: int) -> bool:
        """Return False where the change is over after `step` steps."""
        return self.until is None or self.until > step


@dataclass
class KnobChanges:
    """The changes in effect. The trainer tells of each that it makes; events tell the same."""

    expiring: dict[str, KnobChange] = field(default_factory=dict)
    _made: list[tuple[KnobChange, KnobChange | None]] = field(default_factory=list)

    def add(self, change: KnobChange) -> None:
        """Take up a change. It ends what an earlier one would have done to its knob later."""
        covered = self.expiring.pop(change.knob, None)
        if change.until is not None:
            self.expiring[change.knob] = change
        if change.undoes:
            self._made = [each for each in self._made if each[0].id != change.undoes]
        elif change.id:
            again = [each for each in self._made if each[0].id == change.id]
            self._made = [each for each in self._made if each not in again]
            self._made.append((change, again[0][1] if again else covered))

    def end(self, knob: str) -> None:
        """Take up that the time of a knob's present value is over."""
        self.expiring.pop(knob, None)
        # the lasting value is back: what was set for a time is over, none of it can be undone
        self._made = [each for each in self._made if each[0].knob != knob or not each[0].until]

    def coming_ends(self) -> list[KnobChange]:
        """Return the changes for a time, in the order of their ends."""
        return sorted(self.expiring.values(), key=lambda change: change.until or 0)

    def due(self, step: int) -> list[KnobChange]:
        """Return the changes whose time is over after `step` steps, in the order of their ends."""
        return [change for change in self.coming_ends() if not change.lasts(step)]

    def last(self, step: int) -> KnobChange | None:
        """Return the newest change that can be undone after `step` steps; None without one."""
        lasting = (change for change, _ in reversed(self._made) if change.lasts(step))
        return next(lasting, None)

    def undo(self, id: str, last: KnobChange, step: int, present: Value) -> KnobChange:
        """Return the change that undoes `last`, as the command `id`; it is not added yet.

        Where `last` had ended a change for a time, that one goes on to its own end.
        """
        covered = next(covered for change, covered in self._made if change == last)
        undone = KnobChange(id, step, last.knob, present, last.before, undoes=last.id)
        if covered is None or covered.back is None:
            return undone
        if not covered.lasts(step):
            return KnobChange(id, step, last.knob, present, covered.back, undoes=last.id)
        return KnobChange(
            id, step, last.knob, present, last.before, covered.until, covered.back, last.id
        )

    def lasting_value(self, knob: str, present: Value) -> Value:
        """Return the value that the knob has when no change for a time is in effect."""
        expiring = self.expiring.get(knob)
        return present if expiring is None or expiring.back is None else expiring.back


def change_of(event: Event) -> KnobChange | None:
    """Return the knob change that an event tells of, None where it tells of none."""
    knob, after, until = event.get("knob"), event.get("after"), event.get("until")
    if not isinstance(knob, str) or not is_value(after) or event.step < 0:
        return None
    if event.kind == "command":
        if event.get("command") != "set" or event.get("answer") != "applied":
            return None
        id = str(event.get("id"))
    elif event.kind == "phase":
        id = str(event.get("repeats") or "")
    else:
        return None
    before, back = event.get("before"), event.get("back")
    timed = is_count(until) and is_value(back)
    return KnobChange(
        id,
        event.step,
        knob,
        before if is_value(before) else after,
        after,
        until if timed else None,
        back if timed else None,
        str(event.get("undo") or ""),
    )


def kept_changes(events: Iterable[Event]) -> list[tuple[Event, KnobChange]]:
    """Return the events that changed a knob, but for those that the run went back behind.

    An applied `undo` with `to_step` took back the change that it names and all that came after it.
    """
    kept: list[tuple[Event, KnobChange]] = []
    for event in events:
        if _went_back(event):
            kept = _before(str(event.get("undo")), kept)
        elif change := change_of(event):
            kept.append((event, change))
    return kept


def changes_before(step: float, events: Sequence[Event]) -> KnobChanges:
    """Return the changes in effect at `step`, before those of that step itself are made."""
    found = KnobChanges()
    limits = _limits(events)
    for event, change in kept_changes(events):
        if event.step >= step or event.step > limits.get(event.segment, math.inf):
            continue
        if event.get("expired"):
            found.end(change.knob)
        else:
            found.add(change)
    return found


def _limits(events: Iterable[Event]) -> dict[int, float]:
    from asgml.storage.read.segments import step_limits

    return step_limits({each.segment: each.step for each in events if each.kind == "resumed"})


def _went_back(event: Event) -> bool:
    undone = event.get("command") == "undo" and event.get("answer") == "applied"
    return event.kind == "command" and bool(undone) and is_count(event.get("to_step"))


def _before(id: str, kept: list[tuple[Event, KnobChange]]) -> list[tuple[Event, KnobChange]]:
    """Return what was changed before the change `id`, which a resumed run may have made again."""
    places = [place for place, (_, change) in enumerate(kept) if change.id == id]
    if not places:
        return kept
    gone = {change.id for _, change in kept[places[-1] :] if change.id}
    return [pair for pair in kept[: places[-1]] if pair[1].id not in gone]
