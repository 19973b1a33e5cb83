"""The stopwatch: seconds of training without pauses, also across resumed runs."""

from __future__ import annotations

import time
from collections.abc import Callable


class Stopwatch:
    """Stands still until `go_on`, and again from `pause` on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before = 0.0
        self._since: float | None = None

    def seconds(self) -> float:
        return self._before + (self._clock() - self._since if self._since is not None else 0.0)

    def pause(self) -> None:
        self._before, self._since = self.seconds(), None

    def go_on(self) -> None:
        if self._since is None:
            self._since = self._clock()

    def start_from(self, seconds: float) -> None:
        """Takes over the time of an earlier part of the run."""
        self._before = seconds
        if self._since is not None:
            self._since = self._clock()
