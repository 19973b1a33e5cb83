"""Clocks: which row of a run is now. A live clock shows everything; a replay clock moves through it as a film does."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


@dataclass(frozen=True)
class Moment:
    """What is visible: the first `row` rows of `steps`, and of everything else what was there at `wall_time`."""

    row: int
    wall_time: float
    live: bool


class Clock(Protocol):
    def moment(self, run: Run) -> Moment: ...


class LiveClock:
    """Now is everything that is published."""

    def moment(self, run: Run) -> Moment:
        return Moment(run.rows("steps"), math.inf, True)


class ReplayClock:
    """Plays a run at `speed` seconds of training per second. Pauses of the training take no time.

    The clock never asks for the time: `tick(now)` tells it. `position` is in seconds of training since the start.
    """

    def __init__(self, run: Run, speed: float = 1.0) -> None:
        self._run = run
        self._last_tick: float | None = None
        self.speed = speed
        self.playing = False
        self.position = 0.0
        self.row = 0

    @property
    def length(self) -> float:
        """Seconds of training in the whole run."""
        timeline = self._run.timeline()
        return float(timeline[-1]) if len(timeline) else 0.0

    @property
    def at_end(self) -> bool:
        return self.row >= self._run.rows("steps")

    def play(self) -> None:
        """Starts; at the end it starts over."""
        if self.at_end:
            self.home()
        self.playing = True

    def pause(self) -> None:
        self.playing = False

    def toggle(self) -> None:
        if self.playing:
            self.pause()
        else:
            self.play()

    def tick(self, now: float) -> None:
        """Moves on by the time since the last tick. Stops at the end."""
        passed, self._last_tick = now - (now if self._last_tick is None else self._last_tick), now
        if not self.playing:
            return
        self.position = min(self.position + max(passed, 0.0) * self.speed, self.length)
        self.row = max(self.row, bisect_right(self._run.timeline(), self.position))
        self.playing = not self.at_end

    def step(self, rows: int) -> None:
        """Forward or, with a negative number, back by so many rows."""
        self.seek_row(self.row + rows)

    def seek(self, step: int) -> None:
        """To the last row that was recorded at this optimizer step or an earlier one."""
        self.seek_row(self._run.rows_until_step(step))

    def seek_row(self, row: int) -> None:
        """To the moment when exactly the first `row` rows are visible."""
        self.row = min(max(row, 0), self._run.rows("steps"))
        self.position = float(self._run.timeline()[self.row - 1]) if self.row else 0.0

    def home(self) -> None:
        self.seek_row(0)

    def end(self) -> None:
        self.seek_row(self._run.rows("steps"))

    def moment(self, run: Run) -> Moment:
        if self.at_end:
            return Moment(self.row, math.inf, False)
        return Moment(self.row, self._wall_time(), False)

    def _wall_time(self) -> float:
        """Goes on between two rows, so that an evaluation between them appears in its time; never reaches the next row."""
        timeline, times = self._run.timeline(), self._run.times("steps")
        near = max(self.row - 1, 0)
        wall_time = float(times[near] + self.position - timeline[near])
        return (
            min(wall_time, math.nextafter(float(times[self.row]), -math.inf))
            if times[self.row] > times[near]
            else wall_time
        )
