"""The curve of one column of a run, against steps, epochs or seconds of training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from asgml.storage.format.events import MAX_STEP

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run
    from asgml.storage.statistics.curves import Curve

Axis = Literal["step", "epoch", "time"]
AXES: tuple[Axis, ...] = ("step", "epoch", "time")


def curve_of(run: Run, column: str, axis: Axis = "epoch") -> Curve | None:
    """Return x and y of a column; None where the run has no such column, or no number in it.

    Rows that a resumed run has trained again are left out. Epochs are parts of one too: step over
    steps of an epoch; where the run does not tell that number, there is no curve over epochs.
    """
    try:
        table, _ = run.find_column(column)
    except KeyError:
        return None
    current = run.current_rows(table)
    x, y = _places(run, table, axis), run.column(table, column)
    known = current & np.isfinite(x) & np.isfinite(y)
    return (x[known], y[known]) if known.any() else None


def _places(run: Run, table: str, axis: Axis) -> np.ndarray:
    steps = run.column(table, "step")
    if axis == "time":
        return run.column(table, "active_time")
    steps = np.where(np.abs(steps) <= MAX_STEP, steps, np.nan)
    if axis == "step":
        return steps
    each = run.manifest.steps_per_epoch if run.manifest else 0
    return steps / each if each else np.full(len(steps), np.nan)


def value_at_step(run: Run, column: str, step: int) -> float:
    """Return the newest value of a column up to a step, NaN where there is none by then."""
    curve = curve_of(run, column, "step")
    if curve is None:
        return math.nan
    steps, values = curve
    known = np.flatnonzero(steps <= step)
    return float(values[known[-1]]) if len(known) else math.nan
