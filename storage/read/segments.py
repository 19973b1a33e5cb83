"""The segments of a run: the steps that it was resumed from, and the rows that were superseded."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from asgml.storage.format.events import MAX_SEGMENT, MAX_STEP
from asgml.storage.read.history import History
from asgml.storage.read.table import Table


def resume_steps(steps: Table, history: History, wall_time: float) -> dict[int, int]:
    """Return segment → step it went on from, as known at a unix time.

    By the segment's `resumed` event; without one, by its first row of the table `steps`.
    """
    by_event = history.resume_steps(wall_time)
    until = steps.until(wall_time)
    segment, step = steps.column("segment")[:until], steps.column("step")
    starts = np.flatnonzero(np.diff(segment) > 0) + 1
    known = starts[(np.abs(step[starts]) <= MAX_STEP) & (segment[starts] <= MAX_SEGMENT)]
    return {**{int(segment[row]): int(step[row]) - 1 for row in known}, **by_event}


def step_limits(resume_steps: dict[int, int]) -> dict[int, float]:
    """Return segment → its last step that still counts, for each segment that another followed.

    That is the least step that a later segment went on from.
    """
    limits: dict[int, float] = {}
    least = math.inf
    for segment in range(max(resume_steps, default=0), 0, -1):
        least = min(least, resume_steps.get(segment, math.inf))
        limits[segment - 1] = least
    return limits


def current_rows(table: Table, rows: int | None, limits: dict[int, float]) -> npt.NDArray[np.bool_]:
    """Return for each of the first `rows` rows True unless it lies beyond its segment's limit."""
    step, segment = table.column("step")[:rows], table.column("segment")[:rows]
    current = np.ones(len(step), np.bool_)
    for older, limit in limits.items():
        current &= ~((segment == older) & (step > limit))
    return current
