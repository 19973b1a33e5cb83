"""Vertical strokes, one per column of dots, that touch each other and so make a closed curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.decimation import Envelope, Flags, Floats
from asgml.tui.plot.ranges import Range

_Rows = NDArray[np.int64]
_VAST = 1e300
"""Beyond this a difference of two numbers may be infinite."""


def stroke_rows(data: Envelope, span: Range, rows: int) -> tuple[_Rows, _Rows]:
    """Return the first and last row of each column's stroke; no row lies in that of an empty one.

    Both have shape (columns,); row 0 is the top of the chart.
    """
    high, low, first, last = (
        scale(values, span) for values in (data.high, data.low, data.first, data.last)
    )
    _bridge(high, low, first, last, data.bad)
    top, bottom = _row(high, span, rows), _row(low, span, rows)
    empty = np.isnan(high)
    _join(top, bottom, empty, data.bad)
    top[empty], bottom[empty] = rows, -1
    return top, bottom


def scale(values: Floats, span: Range) -> Floats:
    """Return values in the chart's scale; without a logarithm they are a gap on a log axis."""
    if not span.log:
        return values.copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, np.log10(values), np.nan)


def _row(values: Floats, span: Range, rows: int) -> _Rows:
    depth = span.depth(np.where(np.isnan(values), span.low, values))
    return np.clip(np.floor(depth * rows), 0, rows - 1).astype(np.int64)


def _bridge(high: Floats, low: Floats, first: Floats, last: Floats, bad: Flags) -> None:
    """Draw a straight line through empty columns between two points, but not across a fault."""
    filled = np.flatnonzero(~np.isnan(high))
    gaps = np.diff(filled) > 1
    for left, right in zip(filled[:-1][gaps], filled[1:][gaps], strict=True):
        if bad[left : right + 1].any() or np.isnan(last[left]) or np.isnan(first[right]):
            continue
        line = _line(last[left], first[right], right - left + 1)[1:-1]
        high[left + 1 : right], low[left + 1 : right] = line, line


def _line(begin: float, end: float, points: int) -> Floats:
    """Return a straight line; the difference of its ends may be beyond float64."""
    if max(abs(begin), abs(end)) < _VAST:
        return np.linspace(begin, end, points)
    return np.linspace(begin / 4, end / 4, points) * 4


def _join(top: _Rows, bottom: _Rows, empty: Flags, bad: Flags) -> None:
    """Stretch each stroke until it touches its left neighbour, which is older and never changes."""
    old_top, old_bottom = top.copy(), bottom.copy()
    joined = ~empty[1:] & ~empty[:-1] & ~(bad[1:] & bad[:-1])
    rise = joined & (old_bottom[1:] < old_top[:-1] - 1)
    fall = joined & (old_top[1:] > old_bottom[:-1] + 1)
    bottom[1:][rise] = old_top[:-1][rise] - 1
    top[1:][fall] = old_bottom[:-1][fall] + 1
