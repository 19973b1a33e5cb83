"""What only the state of a run tells: that it ended without a word, or publishes nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from asgml.storage.alerts.alert import Alert, concluded, rule_of, silent, tells_the_end, unborn
from asgml.storage.alerts.rules import DEFAULT_RULES, Rule
from asgml.storage.format.events import Event
from asgml.storage.format.status import ENDED, Head
from asgml.storage.read import liveness

_TRAINS = ("running", "stopping", "stale")
"""States in which rows should come; of a paused trainer only the sign of life is asked."""


class Silence:
    """How long a run has published no row; of a paused one, how long it gave no sign of life."""

    def __init__(self) -> None:
        self._sign: Any = None
        self._moved = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._moved

    def note(self, head: Head) -> None:
        """Take the newest head of the run."""
        paused = head.state.label == "paused"
        sign = ("paused", head.heartbeat) if paused else (head.segment, *head.rows.values())
        if self._sign is None:
            # what came before was not seen: the heartbeat tells how long there was nothing at least
            self._moved = time.monotonic() - liveness.silent_for(head, time.time_ns())
        elif sign != self._sign:
            self._moved = time.monotonic()
        self._sign = sign


def state_alerts(
    head: Head | None, state: str, seconds: float, events: Sequence[Event], rules: Sequence[Rule]
) -> list[Alert]:
    """Return the alerts of a run in a state that its `events` do not tell.

    `seconds`: those of its silence.
    """
    now = time.time()
    if head is None:
        return [unborn(now, rules)] if state == "failed" else []
    if state in ENDED:
        ends = events[-1:]
        if ends and ends[0].segment == head.segment and tells_the_end(ends[0]):
            return []
        return [concluded(state, head.step, head.segment, head.heartbeat / 1e9, rules)]
    rule = rule_of("no_data", rules or DEFAULT_RULES)
    if state not in (*_TRAINS, "paused") or seconds < rule.for_seconds:
        return []
    return [silent(head.step, sum(head.rows.values()), seconds, now, rule)]
