"""The queue of alerts that are to be delivered: each target once, again where it failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial

from asgml.app.alerts.background import in_background
from asgml.app.alerts.failure import DeliveryError
from asgml.app.alerts.message import Message, Source
from asgml.app.alerts.sent import Sent
from asgml.app.alerts.targets import Target
from asgml.storage.alerts.alert import Alert

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 300.0
"""Seconds between two tries: doubled from the first up to the longest."""
PATIENCE = 1.0
"""Seconds that a look at the queue takes at most: the run is to be looked at again."""


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
        self._trying: dict[Future[None], _Delivery] = {}

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
        """Try each delivery that is due; note how far of `events` events all is done.

        A target gets one at a time, and all targets theirs at once: one that hangs delays no other.
        What takes longer than PATIENCE goes on in the background, for the next call to see.
        """
        last = time.monotonic() + PATIENCE
        self._start_due(source)
        while self._trying:
            done, _ = wait(self._trying, max(last - time.monotonic(), 0.0), FIRST_COMPLETED)
            if not done:
                break
            for one in done:
                self._finish(self._trying.pop(one), one.exception())
            self._start_due(source)
        numbers = [int(id[1:]) for id, _ in self._waiting if id.startswith("e")]
        try:
            self._sent.advance(min([*numbers, events]))
        except OSError as error:
            self._log(f"what was delivered cannot be noted: {error.strerror}")

    def _start_due(self, source: Source) -> None:
        busy = {delivery.target.name for delivery in self._trying.values()}
        for delivery in self._waiting.values():
            if delivery.target.name not in busy and self._clock() >= delivery.due:
                busy.add(delivery.target.name)
                message = Message(delivery.alert, source)
                self._trying[in_background(partial(delivery.target.send, message))] = delivery

    def _finish(self, delivery: _Delivery, error: BaseException | None) -> None:
        """Log how a try ended; take the delivery from those that wait if nothing is left to do."""
        what = f"{delivery.alert.id} ({delivery.alert.rule}) to {delivery.target.name}"
        delivery.tries += 1
        over = True
        if error is None:
            self._log(f"delivered: {what}")
        else:
            final = isinstance(error, DeliveryError) and error.final
            over = final or delivery.tries >= delivery.target.tries
            pause = min(FIRST_PAUSE * 2.0 ** (delivery.tries - 1), LONGEST_PAUSE)
            delivery.due = self._clock() + pause
            # the text of any other error could hold a secret
            reason = str(error) if isinstance(error, DeliveryError) else type(error).__name__
            self._log(
                f"failed: {what}: {reason}; {'given up' if over else f'again in {pause:g} s'}"
            )
        if over:
            del self._waiting[delivery.alert.id, delivery.target.name]
            self._note(delivery)

    def _note(self, delivery: _Delivery) -> None:
        try:
            self._sent.add(delivery.alert.id, delivery.target.name)
        except OSError as error:  # it stays in memory: only a restart would tell it again
            self._log(f"what was delivered cannot be noted: {error.strerror}")
