"""Opening a run for the screen, with the clock it is followed by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asgml.storage.format.layout import RunPaths, find_run
from asgml.storage.read.clock import LiveClock, ReplayClock
from asgml.tui.session.followed_run import FollowedRun

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


@dataclass(frozen=True)
class ReplayStart:
    """The beginning of a replay: held at a step, or playing from the first one."""

    speed: float
    at_step: int | None


def open_run(
    target: str | Path, runs: Path, replay: ReplayStart | None, rows_every: float = 0.0
) -> FollowedRun:
    """Open a run by its path, or by its name among `runs`; live unless a replay is given.

    `rows_every` is that of FollowedRun.
    Raise RunNotFoundError, FormatError and OSError.
    """
    # imports zarr, half a second: never before the first frame is painted
    from asgml.storage.read.reader import Run

    path = target if isinstance(target, Path) else find_run(target, runs).root
    run = Run.open(RunPaths(path))
    run.refresh()
    clock = LiveClock() if replay is None else _replay_clock(run, replay)
    return FollowedRun(run, clock, rows_every)


def _replay_clock(run: Run, start: ReplayStart) -> ReplayClock:
    clock = ReplayClock(run, speed=start.speed)
    if start.at_step is None:
        clock.play()
    else:
        clock.seek(start.at_step)
    return clock
