"""Numbers of a printed chart in shares of its axes, so that any of float64 can be drawn."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from asgml.tui.plot.ranges import Range, nice_range
from asgml.tui.widgets.x_axis import x_ticks

Line = tuple[str, np.ndarray, np.ndarray]
"""A label, x and y."""
_LABEL = 9
"""Cells for a label of the y axis."""
_MOST_TICKS = 5


class ScaledLines(NamedTuple):
    """Lines whose x and y lie between 0 and 1; (place, label) of each tick.

    `faults` has the places on the x axis of values that are no finite number, `sunk` those of
    values that a log axis has no place for; `note` belongs to all labels of the y axis.
    """

    lines: list[Line]
    log: bool
    faults: np.ndarray
    sunk: np.ndarray
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]
    note: str


def scale(lines: list[Line], log: bool, width: int, axis: str) -> ScaledLines:
    """Return lines for a chart of `width` cells; each has at least one row.

    A log axis is given up where no value is above zero: the chart would be empty.
    """
    log = log and any(drawable(y, True).any() for _, _, y in lines)
    forward = [(label, np.fmax.accumulate(x), y) for label, x, y in lines]
    first = min(float(x[0]) for _, x, _ in forward)
    last = max(float(x[-1]) for _, x, _ in forward)
    extent = last - first or 1.0
    span = range_of([y for _, _, y in forward], log)
    scaled = [(label, (x - first) / extent, _height(y, span)) for label, x, y in forward]
    places = [(x, y) for (_, x, _), (_, _, y) in zip(scaled, forward, strict=True)]
    bad = [x[~np.isfinite(y)] for x, y in places]
    sunk = [x[np.isfinite(y) & (y <= 0)] for x, y in places if log]
    texts, note = span.labels(_LABEL)
    heights = (1 - span.depth(np.array(span.ticks()))).tolist()
    return ScaledLines(
        [(label, *decimate(x, y, width)) for label, x, y in scaled],
        log,
        _by_column(bad, width),
        _by_column(sunk, width),
        [
            ((value - first) / extent, text)
            for value, text in x_ticks(first, first + extent, width, axis)
        ],
        list(zip(heights, texts, strict=True)),
        note,
    )


def _by_column(places: list[np.ndarray], width: int) -> np.ndarray:
    """Return each place once, of those that would be drawn in one column."""
    return np.unique(np.round(np.concatenate([*places, np.empty(0)]) * width) / width)


def range_of(values: list[np.ndarray], log: bool) -> Range:
    """Return the range of everything that can be drawn."""
    known = np.concatenate([each[drawable(each, log)] for each in values])
    if not len(known):
        return nice_range(np.inf, -np.inf, log, _MOST_TICKS)
    known = np.log10(known) if log else known
    return nice_range(float(known.min()), float(known.max()), log, _MOST_TICKS)


def drawable(values: np.ndarray, log: bool) -> np.ndarray:
    """Return True for finite numbers, on a log axis for those above zero."""
    finite = np.isfinite(values)
    return np.asarray(finite & (values > 0) if log else finite)


def decimate(x: np.ndarray, y: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return at most two points a column, the lowest and the highest, so that spikes survive."""
    if len(y) <= 2 * width:
        return x, y
    edges = np.linspace(0, len(y), width + 1).astype(int)
    kept: list[int] = []
    for first, after in pairwise(edges.tolist()):
        stretch = y[first:after]
        known = np.flatnonzero(~np.isnan(stretch))
        ends = (
            {known[np.argmin(stretch[known])], known[np.argmax(stretch[known])]}
            if len(known)
            else {0}
        )
        kept += sorted(int(first + end) for end in ends)
    return x[kept], y[kept]


def _height(y: np.ndarray, span: Range) -> np.ndarray:
    """Return values as shares of the range, NaN for those that cannot be drawn."""
    known = drawable(y, span.log)
    scaled = np.log10(y, where=known, out=np.zeros(len(y))) if span.log else np.where(known, y, 0.0)
    return np.where(known, np.clip(1 - span.depth(scaled), 0.0, 1.0), np.nan)
