"""Places on the x axis that never go back, also where a clock was set back or a number is none."""

from __future__ import annotations

import math

import numpy as np

from asgml.storage.format.events import MAX_STEP
from asgml.tui.plot.decimation import Floats

_MOST = {"step": float(MAX_STEP), "epoch": float(MAX_STEP)}
_LARGEST = 1e300


def forward(values: Floats, axis: str) -> Floats:
    """Return values that never decrease; one that is no place counts as that of the row before."""
    most = _MOST.get(axis, _LARGEST)
    if not len(values) or (_rises(values) and values[0] >= -most and values[-1] <= most):
        return values
    with np.errstate(invalid="ignore"):
        known = np.where(np.abs(values) <= most, values, np.nan)
    places = np.fmax.accumulate(known)
    places[np.isnan(places)] = np.nan_to_num(places[int(np.isnan(places).argmin())])
    return places


def lost_time(times: Floats) -> Floats | None:
    """Return by how much a clock was set back before each row, in all; None where it never was.

    Time plus this goes on: rows after a change of the clock do not lie on those before it.
    """
    if not len(times) or _rises(times):
        return None
    with np.errstate(invalid="ignore"):
        back = np.maximum(-np.diff(times, prepend=times[:1]), 0.0)
    return np.cumsum(np.where(np.isfinite(back), back, 0.0))


def place_between(
    places: Floats, steps: Floats, times: Floats, step: float, time: float
) -> float | None:
    """Return the place of what happened at `time` after a step, None without one.

    It lies between the row of that step and the next one, however the clock was set.
    """
    row = int(np.searchsorted(steps, step, side="right")) - 1
    if not len(places) or not math.isfinite(time):
        return None
    if row < 0:
        return min(max(float(places[0] + time - times[0]), 0.0), float(places[0]))
    low = float(places[row])
    high = float(places[row + 1]) if row + 1 < len(places) else math.inf
    return min(max(low + time - float(times[row]), low), high)


def _rises(values: Floats) -> bool:
    with np.errstate(invalid="ignore"):
        return bool((np.diff(values) >= 0).all()) and bool(np.isfinite(values[[0, -1]]).all())
