"""Alerts: what a person is told of a run, from its events and from the state it is in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from asgml.storage.alerts.rules import DEFAULT_RULES, WAYS, Rule
from asgml.storage.format.events import Event
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.typed import is_names

_ENDS = {
    "finished": "ended",
    "stopped": "ended",
    "failed": "failed",
    "crashed": "failed",
    "diverged": "diverged",
}
"""The rule that tells of each kind of end: of an event, or of a state that readers conclude."""
_LEVELS = {"warn": "warning", "warning": "warning", "info": "info"}
MOST_TEXT = 400
"""Characters of a message that are kept: it is one line for a person."""


@dataclass(frozen=True)
class Alert:
    """One alert; `id` names it within its run. `step` is the one it speaks of."""

    id: str
    rule: str
    level: str
    step: int
    noticed: int
    wall_time: float
    message: str
    column: str = ""
    notify: tuple[str, ...] = WAYS

    def record(self) -> dict[str, Any]:
        """Return the alert for a program."""
        return asdict(self)


def alerts_of(events: Iterable[Event], rules: Sequence[Rule] = DEFAULT_RULES) -> list[Alert]:
    """Return the alerts among the events of a run, in their order; `rules` decide on the ends."""
    return list(alerts_from(enumerate(events), rules))


def alerts_from(
    numbered: Iterable[tuple[int, Event]], rules: Sequence[Rule] = DEFAULT_RULES
) -> Iterable[Alert]:
    """Yield the alerts of (number in the run, event)."""
    for number, event in numbered:
        if event.kind == "alert":
            yield _from_event(number, event)
        elif event.kind in _ENDS:
            message = event.get("error") or event.get("message") or f"the training {event.kind}"
            rule = rule_of(_ENDS[event.kind], rules)
            yield _told(f"e{number}", rule, event.about, event.step, event.wall_time, str(message))


def concluded(
    state: str, step: int, segment: int, wall_time: float, rules: Sequence[Rule]
) -> Alert:
    """Return the alert of a training that ended in this state without an event of its own."""
    crashed = f"the trainer is gone: the last published step is {step}"
    message = crashed if state == "crashed" else f"the training {state}"
    rule = rule_of(_ENDS[state], rules)
    return _told(f"{state}.{segment}", rule, step, step, wall_time, message)


def unborn(wall_time: float, rules: Sequence[Rule]) -> Alert:
    """Return the alert of a training that failed before its store was there."""
    message = "the training failed before its first step; trainer.log has the reason"
    return _told("unborn", rule_of("failed", rules), 0, 0, wall_time, message)


def silent(step: int, rows: int, seconds: float, wall_time: float, rule: Rule) -> Alert:
    """Return the alert of a run that should train and has published no row for a while."""
    message = f"no data for {seconds:.0f} s, the last step is {step}"
    return _told(f"no_data.{rows}", rule, step, step, wall_time, message)


def tells_the_end(event: Event) -> bool:
    """Return True for the event of a training's end."""
    return event.kind in _ENDS


def rule_of(kind: str, rules: Sequence[Rule]) -> Rule:
    """Return the rule of a kind that a state tells: the last of those given."""
    return next(rule for rule in (*reversed(rules), *DEFAULT_RULES) if rule.kind == kind)


def _told(id: str, rule: Rule, step: int, noticed: int, wall_time: float, message: str) -> Alert:
    text = one_line(message)[:MOST_TEXT]
    return Alert(id, rule.name, rule.level, step, noticed, wall_time, text, "", rule.notify)


def _from_event(number: int, event: Event) -> Alert:
    level = _LEVELS.get(str(event.get("level")), "error")
    told_by = event.get("notify")
    # a warning that the trainer gives at its start is for whoever looks, not for who is away
    usual = WAYS if level == "error" or event.get("rule") else ("toast",)
    ways = tuple(told_by) if is_names(told_by) and set(told_by) <= set(WAYS) else usual
    return Alert(
        f"e{number}",
        one_line(event.get("rule") or "trainer")[:MOST_TEXT],
        level,
        event.about,
        event.step,
        event.wall_time,
        one_line(event.get("message") or "")[:MOST_TEXT],
        one_line(event.get("column") or "")[:MOST_TEXT],
        ways,
    )
