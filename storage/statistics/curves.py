"""Curves over seeds: each brought to one grid, then their mean and spread at every point of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Curve = tuple[Numbers, Numbers]
"""x and y of one run, of one length; x need not be sorted, and points that are NaN are left out."""
POINTS = 120
"""Points of a grid, where the curves have more: a chart shows no more than that."""


class Band(NamedTuple):
    """The mean of several curves with one standard deviation to either side, point by point.

    The standard deviation (n - 1) says how far runs lie apart; it is no interval of the mean.
    `n` counts the curves at each point: a run that ended early is missing beyond its end. Where
    n is below 2, `low` and `high` are NaN: one run has no spread.
    """

    x: Numbers
    mean: Numbers
    low: Numbers
    high: Numbers
    n: npt.NDArray[np.int64]


def mean_band(curves: Sequence[Curve], points: int = POINTS) -> Band:
    """Return mean and spread of curves of several seeds, on at most `points` values of x.

    Where the curves have no more than `points` places in all, as epochs have, the grid is these
    places. Otherwise the range of x is cut into `points` equal bins, each with the mean of what
    lies in it, so that a spike counts as much as it does in the data. In a gap a curve is
    interpolated; beyond its ends it has no value. Raise ValueError for less than one point.
    """
    if points < 1:
        raise ValueError(f"points cannot be {points}, expected at least 1")
    known = [curve for curve in map(_finite, curves) if len(curve[0])]
    if not known:
        return _empty()
    grid = _grid(known, points)
    values = np.stack([_resampled(curve, grid) for curve in known])
    counts = np.isfinite(values).sum(axis=0)
    shares = np.where(counts, counts, np.nan)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.nansum(values, axis=0) / shares
        # near the limits of float64 a sum is infinite where the mean is not
        mean = np.where(np.isinf(mean), np.nansum(values / shares, axis=0), mean)
        spread = _std(values, mean, counts)
    return Band(grid.x, mean, mean - spread, mean + spread, counts)


class _Grid(NamedTuple):
    """Places on the x axis; `edges` of the bins around them, None where there are no bins."""

    x: Numbers
    edges: Numbers | None


def _finite(curve: Curve) -> Curve:
    x, y = (np.asarray(values, np.float64) for values in curve)
    known = np.isfinite(x) & np.isfinite(y)
    order = np.argsort(x[known], kind="stable")
    return x[known][order], y[known][order]


def _grid(curves: Sequence[Curve], points: int) -> _Grid:
    places = np.unique(np.concatenate([x for x, _ in curves]))
    if len(places) <= points:
        return _Grid(places, None)
    edges = np.linspace(places[0], places[-1], points + 1)
    return _Grid((edges[:-1] + edges[1:]) / 2, edges)


def _resampled(curve: Curve, grid: _Grid) -> Numbers:
    """Return the curve's value at each place of the grid, NaN beyond its ends."""
    x, y = curve
    place = _place(x, grid)
    count = np.bincount(place, minlength=len(grid.x))
    held = count > 0
    means = np.bincount(place, weights=y, minlength=len(grid.x))[held] / count[held]
    return np.asarray(np.interp(grid.x, grid.x[held], means, left=np.nan, right=np.nan))


def _place(x: Numbers, grid: _Grid) -> npt.NDArray[np.int64]:
    """Return the index of each x's place; the last bin holds its upper edge too."""
    if grid.edges is None:
        return np.searchsorted(grid.x, x)
    return np.clip(np.searchsorted(grid.edges, x, side="right") - 1, 0, len(grid.x) - 1)


def _std(values: Numbers, mean: Numbers, counts: npt.NDArray[np.int64]) -> Numbers:
    squares = np.nansum((values - mean) ** 2, axis=0)
    return np.asarray(np.sqrt(squares / np.where(counts > 1, counts - 1, np.nan)))


def _empty() -> Band:
    none = np.empty(0)
    return Band(none, none, none, none, np.empty(0, np.int64))
