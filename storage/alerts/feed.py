"""The alerts of a run as they come, for a program that reads nothing else of it: no row is read."""

from __future__ import annotations

import time

from asgml.storage.alerts.alert import Alert, alerts_from
from asgml.storage.alerts.rules import Rule, effective_rules
from asgml.storage.alerts.silence import Silence, state_alerts
from asgml.storage.alerts.user_rules import rules_of_run
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import Head
from asgml.storage.read import liveness
from asgml.storage.read.history import History
from asgml.storage.read.store_reader import StoreReader


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
        self._silence = Silence()
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
        seconds, events = self._silence.seconds, self._history.events
        told = state_alerts(self._head, self.state, seconds, events, self.rules)
        return [*alerts_from(numbered, self.rules), *told]

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
        self._silence.note(head)

    def _begin(self, head: Head) -> None:
        attributes = self._store.attributes() or {}
        config, host = attributes.get("config"), attributes.get("host")
        self.rules, _ = rules_of_run(config if isinstance(config, dict) else {})
        self._host = str(host or "")
