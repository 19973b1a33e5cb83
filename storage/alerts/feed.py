"""The alerts of a run as they come, for a program that reads nothing else of it: no row is read."""

from __future__ import annotations

import time
from typing import Any

from asgml.storage.alerts.alert import (
    Alert,
    alerts_from,
    concluded,
    rule_of,
    silent,
    tells_the_end,
    unborn,
)
from asgml.storage.alerts.rules import DEFAULT_RULES, Rule, effective_rules
from asgml.storage.alerts.user_rules import rules_of_run
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import ENDED, Head
from asgml.storage.read import liveness
from asgml.storage.read.history import History
from asgml.storage.read.store_reader import StoreReader

_TRAINS = ("running", "stopping", "stale")
"""States in which rows should come; of a paused trainer only the sign of life is asked."""


class AlertFeed:
    """Alerts of one run: those of its events, and those that only its silence tells."""

    def __init__(self, paths: RunPaths) -> None:
        self.paths = paths
        self.rules: tuple[Rule, ...] = effective_rules()
        self.problems: list[str] = []
        self._store = StoreReader(paths.store)
        self._clear()

    def _clear(self) -> None:
        self._store.forget()
        self._history = History()
        self._head: Head | None = None
        self._host = ""
        self._read = 0  # bytes of events
        self._sign: Any = None
        self._moved = time.monotonic()
        self.state = "starting"

    @property
    def events(self) -> int:
        """The number of events so far."""
        return len(self._history.events)

    @property
    def step(self) -> int:
        return self._head.step if self._head else 0

    def poll(self, first: int) -> list[Alert]:
        """Read what is new; return the alerts of all events from number `first` on, and of silence.

        A disk that is out of reach for a moment gives what is known.
        """
        try:
            self._follow()
        except (OSError, FormatError) as error:
            self.problems = [f"{type(error).__name__}: the run cannot be read"]
        else:
            self.problems = []
        numbered = list(enumerate(self._history.events))[first:]
        return [*alerts_from(numbered, self.rules), *self._concluded()]

    def _follow(self) -> None:
        head = self._store.head()
        if head is None:
            self.state = liveness.state_without_store(self.paths, time.time_ns()) or self.state
            return
        if self._head is not None and head.text_bytes["events"] < self._read:
            self._clear()  # the directory was removed and made again
        if self._head is None:
            self._begin(head)
        if head.text_bytes["events"] > self._read:
            content = self._store.read("events", self._read, head.text_bytes["events"])
            if content is not None:
                self._read += len(content)
                self._history.extend(content.tobytes())
        self._head = head
        host = self._history.host or self._host
        state = liveness.state_of(head, host, time.time_ns(), lambda: 0.0, self.paths)
        self.state = state or self.state
        self._note_sign(head)

    def _begin(self, head: Head) -> None:
        attributes = self._store.attributes() or {}
        config, host = attributes.get("config"), attributes.get("host")
        self.rules, _ = rules_of_run(config if isinstance(config, dict) else {})
        self._host = str(host or "")
        # what came before was not seen: the heartbeat tells how long there was nothing at least
        self._moved = time.monotonic() - liveness.silent_for(head, time.time_ns())

    def _note_sign(self, head: Head) -> None:
        paused = head.state.label == "paused"
        sign = ("paused", head.heartbeat) if paused else (head.segment, *head.rows.values())
        if self._sign is not None and sign != self._sign:
            self._moved = time.monotonic()
        self._sign = sign

    def _concluded(self) -> list[Alert]:
        head, now = self._head, time.time()
        if head is None:
            return [unborn(now, self.rules)] if self.state == "failed" else []
        if self.state in ENDED:
            ends = self._history.events[-1:]
            if ends and ends[0].segment == head.segment and tells_the_end(ends[0]):
                return []
            beat = head.heartbeat / 1e9
            return [concluded(self.state, head.step, head.segment, beat, self.rules)]
        rule = rule_of("no_data", self.rules or DEFAULT_RULES)
        seconds = time.monotonic() - self._moved
        if self.state not in (*_TRAINS, "paused") or seconds < rule.for_seconds:
            return []
        return [silent(head.step, sum(head.rows.values()), seconds, now, rule)]
