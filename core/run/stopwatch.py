"""The stopwatch: seconds of training without pauses, also across resumed runs."""

from __future__ import annotations

import time
from collections.abc import Callable


class Stopwatch:
    """The time of training; it stands still until `start`, and again from `pause` on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        # monotonic: the wall clock may be set back, and active_time must not go back with it
        self._clock = clock
        self._before = 0.0
        self._since: float | None = None

    def seconds(self) -> float:
        return self._before + (self._clock() - self._since if self._since is not None else 0.0)

    def pause(self) -> None:
        self._before, self._since = self.seconds(), None

    def start(self) -> None:
        """Run on; does nothing where it runs already."""
        if self._since is None:
            self._since = self._clock()

    def restore(self, seconds: float) -> None:
        """Take over the seconds of the earlier segments of the run."""
        self._before = seconds
        if self._since is not None:
            self._since = self._clock()
