"""The queue of alerts that are to be delivered: each target once, again where it failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from asgml.app.alerts.failure import DeliveryError
from asgml.app.alerts.message import Message, Source
from asgml.app.alerts.sent import Sent
from asgml.app.alerts.targets import Target
from asgml.storage.alerts.alert import Alert

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
"""Seconds between two tries: doubled from the first up to the longest."""


@dataclass
class _Delivery:
    alert: Alert
    target: Target
    due: float = 0.0
    tries: int = 0


class Queue:
    """Deliveries that are not done yet. `log` takes a line for each that was, or that failed."""

    def __init__(
        self,
        targets: Sequence[Target],
        sent: Sent,
        log: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._targets = targets
        self._sent = sent
        self._log = log
        self._clock = clock
        self._waiting: dict[tuple[str, str], _Delivery] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def offer(self, alerts: Iterable[Alert]) -> None:
        """Take the alerts of which some target has not been told; others are known already."""
        for alert in alerts:
            for target in self._targets:
                key = (alert.id, target.name)
                if target.way in alert.notify and not self._sent.has(*key):
                    self._waiting.setdefault(key, _Delivery(alert, target))

    def work(self, source: Source, events: int) -> None:
        """Try each delivery that is due; note how far of `events` events all is done."""
        for key, delivery in list(self._waiting.items()):
            if self._clock() >= delivery.due and self._try(delivery, source):
                del self._waiting[key]
                self._note(delivery)
        numbers = [int(id[1:]) for id, _ in self._waiting if id.startswith("e")]
        try:
            self._sent.advance(min([*numbers, events]))
        except OSError as error:
            self._log(f"what was delivered cannot be noted: {error.strerror}")

    def _try(self, delivery: _Delivery, source: Source) -> bool:
        """Return True where nothing is left to do: it was delivered, or never will be."""
        what = f"{delivery.alert.id} ({delivery.alert.rule}) to {delivery.target.name}"
        delivery.tries += 1
        try:
            delivery.target.send(Message(delivery.alert, source))
        except DeliveryError as error:
            over = error.final or delivery.tries >= delivery.target.tries
            pause = min(FIRST_PAUSE * 2.0 ** (delivery.tries - 1), LONGEST_PAUSE)
            delivery.due = self._clock() + pause
            ending = "given up" if over else f"again in {pause:g} s"
            self._log(f"failed: {what}: {error}; {ending}")
            return over
        self._log(f"delivered: {what}")
        return True

    def _note(self, delivery: _Delivery) -> None:
        try:
            self._sent.add(delivery.alert.id, delivery.target.name)
        except OSError as error:  # it stays in memory: only a restart would tell it again
            self._log(f"what was delivered cannot be noted: {error.strerror}")
