"""Alerts that only the state of the run on screen tells: the same ones that its watcher tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asgml.storage.alerts.alert import Alert
from asgml.storage.alerts.rules import Rule
from asgml.storage.alerts.silence import Silence, state_alerts
from asgml.storage.alerts.user_rules import rules_of_run
from asgml.storage.format.events import Event
from asgml.storage.format.status import ENDED_WELL

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


class StateAlerts:
    """What the silence of one run tells: each alert as it was when it was told first."""

    def __init__(self) -> None:
        self._silence = Silence()
        self._rules: tuple[Rule, ...] | None = None
        self._told: dict[str, Alert] = {}

    def of(self, run: Run, state: str, events: Sequence[Event], live: bool) -> tuple[Alert, ...]:
        """Return the alerts of a run in this state; of a replay only that it ended badly."""
        if run.head is not None:
            self._silence.note(run.head)
        if state in ENDED_WELL:
            return ()
        if self._rules is None and run.manifest is not None:
            self._rules, _ = rules_of_run(run.manifest.config)
        rules = self._rules if self._rules is not None else rules_of_run({})[0]
        seconds = self._silence.seconds if live else 0.0
        found = state_alerts(run.head, state, seconds, events, rules)
        # the text of the first time: a number of seconds would change the screen once a second
        self._told = {one.id: self._told.get(one.id, one) for one in found}
        return tuple(self._told.values())
