"""Decimate a series to the extremes of each chart column, its envelope: no spike is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.windows import Window

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
_FEW = 48
"""Rows up to which a loop over numbers is quicker than arrays."""


@dataclass(frozen=True)
class Envelope:
    """Extremes, first and last value of each column, NaN without a finite one; shape (columns,).

    `bad` is True in columns that hold a value that is not finite.
    """

    low: Floats
    high: Floats
    first: Floats
    last: Floats
    bad: Flags

    @property
    def filled(self) -> Flags:
        """True in columns with a finite value."""
        return ~np.isnan(self.low)

    def cut(self, begin: int, end: int | None = None) -> Envelope:
        """Return the columns from `begin` to `end`, without copying them."""
        columns = slice(begin, end)
        return Envelope(
            self.low[columns],
            self.high[columns],
            self.first[columns],
            self.last[columns],
            self.bad[columns],
        )

    def copy(self) -> Envelope:
        """Return an envelope whose arrays may be written into."""
        return Envelope(
            self.low.copy(),
            self.high.copy(),
            self.first.copy(),
            self.last.copy(),
            self.bad.copy(),
        )


def empty_envelope(columns: int) -> Envelope:
    """Return an envelope without any value."""
    blank = np.full(columns, np.nan)
    return Envelope(blank, blank.copy(), blank.copy(), blank.copy(), np.zeros(columns, dtype=bool))


def side_by_side(envelopes: Sequence[Envelope]) -> Envelope:
    """Return the columns of all envelopes, with a column after each that holds nothing but a fault.

    No line is drawn over a fault, so what is drawn of each stays its own.
    """

    def joined(field: str, gap: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([each for data in envelopes for each in (getattr(data, field), gap)])

    nothing, fault = np.full(1, np.nan), np.ones(1, dtype=bool)
    low, high, first, last = (joined(field, nothing) for field in ("low", "high", "first", "last"))
    return Envelope(low, high, first, last, joined("bad", fault))


def decimate(x: Floats, y: Floats, window: Window) -> Envelope:
    """Return the extremes of each column; `x`, of the shape of `y`, must not decrease."""
    result = empty_envelope(window.columns)
    begin, end = np.searchsorted(x, [window.start, window.end]).tolist()
    if begin < end:
        _fill(result, x[begin:end], y[begin:end], window)
    return result


def extended(known: Envelope, x: Floats, y: Floats, window: Window) -> Envelope:
    """Return `known` with the columns of these newest rows, of which all to the right are empty."""
    result = known.copy()
    inside = len(x) if x[-1] < window.end else int(np.searchsorted(x, window.end))
    if inside:
        (_fill_few if inside <= _FEW else _fill)(result, x[:inside], y[:inside], window)
    return result


def _fill_few(result: Envelope, x: Floats, y: Floats, window: Window) -> None:
    """Do the work of `_fill` number by number: for few rows, arrays cost more than numbers."""
    columns: dict[int, list[float]] = {}
    for place, value in zip(x.tolist(), y.tolist(), strict=True):
        if not math.isfinite(place):
            continue
        column = min(int((place - window.start) / window.bucket), window.columns - 1)
        columns.setdefault(column, []).append(value if math.isfinite(value) else math.nan)
    for column, values in columns.items():
        known = [value for value in values if value == value]
        result.low[column] = min(known, default=math.nan)
        result.high[column] = max(known, default=math.nan)
        result.first[column], result.last[column] = values[0], values[-1]
        result.bad[column] = len(known) < len(values)


def finite_or_nan(values: Floats) -> Floats:
    """Return the values with NaN for infinity: both are faults, and only NaN is passed over."""
    return np.where(np.isinf(values), np.nan, values)


def _fill(result: Envelope, x: Floats, y: Floats, window: Window) -> None:
    """Write the columns of rows that lie in the window, one pass over the rows for each field."""
    # The quotient of an x just below the end can round up to `columns`.
    column = np.minimum(((x - window.start) / window.bucket).astype(np.int64), window.columns - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    filled = column[starts]
    usable = finite_or_nan(y)
    result.low[filled] = np.fmin.reduceat(usable, starts)
    result.high[filled] = np.fmax.reduceat(usable, starts)
    result.first[filled] = usable[starts]
    result.last[filled] = usable[np.append(starts[1:], len(y)) - 1]
    result.bad[filled] = np.logical_or.reduceat(np.isnan(usable), starts)
