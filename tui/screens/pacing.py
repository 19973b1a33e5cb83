"""The pace of the numbers: when those of a frame are drawn, and when they wait for a later one."""

from __future__ import annotations

_FRAMES = 4
"""Numbers change in every frame and nobody reads them that fast: one frame in four is enough."""


class NumbersPacing:
    """The decision, frame by frame, to draw the numbers or to let them wait. Times in seconds."""

    def __init__(self) -> None:
        self._drawn_at = 0.0
        self.waiting = False
        """True while numbers wait for a frame of their own."""

    def delay(self, interval: float, now: float) -> float:
        """Return how long the numbers of a new scene have to wait; 0 where they are drawn with it.

        Within one interval of their time they go along: two updates of the screen cost twice as
        much as one.
        """
        left = self._drawn_at + _FRAMES * interval - now
        return left if left > interval else 0.0

    def drawn(self, now: float) -> None:
        self.waiting, self._drawn_at = False, now
