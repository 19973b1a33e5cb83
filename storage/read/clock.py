"""Clocks: the row of a run that is now. Live shows all of it, replay moves through it as a film."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


@dataclass(frozen=True)
class Moment:
    """The visible part: the first `row` rows of `steps`, and all else from before `wall_time`.

    `wall_time` in unix seconds, infinite for everything.
    """

    row: int
    wall_time: float
    live: bool


class LiveClock:
    """A clock whose now is everything that is published."""

    def moment(self, run: Run) -> Moment:
        return Moment(run.rows("steps"), math.inf, True)


class ReplayClock:
    """A clock that plays a run at `speed` seconds of training per second; pauses take no time.

    The clock never asks for the time: `tick(now)` passes it, in seconds. `position` is in seconds
    of training since the start.
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
        """Start; at the end, start over."""
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
        """Move on by the time since the last tick; stop at the end."""
        passed, self._last_tick = now - (now if self._last_tick is None else self._last_tick), now
        if not self.playing:
            return
        self.position = min(self.position + max(passed, 0.0) * self.speed, self.length)
        self.row = max(self.row, bisect_right(self._run.timeline(), self.position))
        self.playing = not self.at_end

    def step(self, rows: int) -> None:
        """Move forward or, with a negative number, back by so many rows."""
        self.seek_row(self.row + rows)

    def seek(self, step: int) -> None:
        """Move to the last row that was recorded at this optimizer step or an earlier one."""
        self.seek_row(self._run.rows_until_step(step))

    def seek_row(self, row: int) -> None:
        """Move to the moment when exactly the first `row` rows are visible."""
        self.row = min(max(row, 0), self._run.rows("steps"))
        self.position = float(self._run.timeline()[self.row - 1]) if self.row else 0.0

    def seek_share(self, share: float) -> None:
        """Move to where this share of all rows is visible, from 0 to 1."""
        self.seek_row(round(share * self._run.rows("steps")))

    def home(self) -> None:
        self.seek_row(0)

    def end(self) -> None:
        self.seek_row(self._run.rows("steps"))

    def moment(self, run: Run) -> Moment:
        if self.at_end:
            return Moment(self.row, math.inf, False)
        return Moment(self.row, self._wall_time(), False)

    def _wall_time(self) -> float:
        """Return the time at `position`, between the last visible row and the next.

        It goes on between the two, so that an evaluation between them appears in its time.
        """
        timeline, times = self._run.timeline(), self._run.times("steps")
        last = max(self.row - 1, 0)
        wall_time = float(times[last] + self.position - timeline[last])
        if times[self.row] <= times[last]:
            return wall_time
        # just before the next row: what was recorded with it is not visible yet
        return min(wall_time, math.nextafter(float(times[self.row]), -math.inf))
