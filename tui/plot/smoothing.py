"""The moving average of a growing series, fast for a million rows; and a series in one line."""

from __future__ import annotations

import math

import numpy as np

from asgml.tui.plot.decimation import Floats

_BLOCK = 32
"""Rows that one matrix product sums up."""
_NEGLIGIBLE = 1e-18
"""A weight that is lost in rounding (2^-53 = 1e-16) beside the sum of all weights."""
_SMALL = 2.0**-12
"""Less than 1 - weight of any smoothing."""
_LARGEST = float(np.finfo(np.float64).max)


class Smoother:
    """Bias-corrected exponential moving average of a whole series, continued as it grows.

    NaN and infinity are passed over. The average is that of the full series, never of the visible
    window, so zooming does not change a curve.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._value = 0.0
        self._mass = 0.0
        self._rows = 0
        self._buffer = np.empty(0)

    def update(self, values: Floats) -> Floats:
        """Return the smoothed series; do not write into it.

        `values` must agree with the rows given before. The average looks back only, so that of an
        earlier moment is a beginning of what is known already.
        """
        fresh = values[self._rows :]
        if len(fresh):
            self._reserve(len(values))
            continued = self._continue(np.asarray(fresh, dtype=np.float64))
            self._buffer[self._rows : len(values)] = continued
            self._rows = len(values)
        return self._buffer[: len(values)]

    def _continue(self, fresh: Floats) -> Floats:
        known = np.isfinite(fresh)
        # scaled by a power of two, which changes no digit: sums of numbers near the limit of
        # float64 would be infinite
        scaled = np.where(known, fresh, 0.0) * _SMALL
        value = decayed_sum(scaled, self.weight, self._value)
        if known.all():
            mass = self._masses(len(fresh))
        else:
            mass = decayed_sum(known.astype(np.float64), self.weight, self._mass)
        self._value, self._mass = float(value[-1]), float(mass[-1])
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.clip(value / mass, -_LARGEST * _SMALL, _LARGEST * _SMALL) / _SMALL
        return np.asarray(np.where(known, mean, np.nan))

    def _masses(self, rows: int) -> Floats:
        """Return the sum of weights after each of `rows` values without a gap: geometric series."""
        masses = np.full(rows, 1 / (1 - self.weight))
        begin = min(rows, math.ceil(math.log(_NEGLIGIBLE) / math.log(self.weight)))
        decay = self.weight ** np.arange(1, begin + 1)
        masses[:begin] = self._mass * decay + (1 - decay) / (1 - self.weight)
        return masses

    def _reserve(self, rows: int) -> None:
        if rows > len(self._buffer):
            grown = np.empty(max(rows, 2 * len(self._buffer), 1024))
            grown[: self._rows] = self._buffer[: self._rows]
            self._buffer = grown


def decayed_sum(values: Floats, weight: float, carry: float = 0.0) -> Floats:
    """Return `s[i] = weight * s[i-1] + values[i]`, where `s[-1] = carry`.

    Computed in blocks: their sums by a matrix product, and what they pass on by recursion.
    """
    rows = len(values)
    if rows <= _BLOCK:
        return _decayed_loop(values, weight, carry)
    blocks = -(-rows // _BLOCK)
    padded = np.zeros(blocks * _BLOCK)
    padded[:rows] = values
    inside = padded.reshape(blocks, _BLOCK) @ _decay_matrix(weight).T
    ends = decayed_sum(inside[:, -1], weight**_BLOCK, carry)
    before = np.concatenate([[carry], ends[:-1]])
    decay = weight ** np.arange(1, _BLOCK + 1)
    return np.asarray((inside + before[:, None] * decay).reshape(-1)[:rows])


def _decayed_loop(values: Floats, weight: float, carry: float) -> Floats:
    result = np.empty(len(values))
    for row, value in enumerate(values.tolist()):
        carry = weight * carry + value
        result[row] = carry
    return result


def _decay_matrix(weight: float) -> Floats:
    """Return `weight^(i-j)` on and below the diagonal, 0 above, shape (_BLOCK, _BLOCK)."""
    lag = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
    return np.where(lag >= 0, float(weight) ** np.maximum(lag, 0), 0.0)


def sparkline(values: Floats, width: int, glyphs: str = "▁▂▃▄▅▆▇█") -> str:
    """Return a series in `width` cells: the mean of each stretch, `!` where none is finite."""
    if len(values) == 0 or width <= 0:
        return " " * max(width, 0)
    stretches = np.array_split(values, min(width, len(values)))
    means = [_mean(stretch) for stretch in stretches]
    known = [mean for mean in means if math.isfinite(mean)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return "".join(_level(mean, low, high, glyphs) for mean in means).rjust(width)


def _level(mean: float, low: float, high: float, glyphs: str) -> str:
    if not math.isfinite(mean):
        return "!"
    levels = len(glyphs) - 1
    extent = high / 2 - low / 2
    return glyphs[round((mean / 2 - low / 2) / extent * levels) if extent > 0 else levels // 2]


def _mean(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return finite_mean(finite) if len(finite) else math.nan


def finite_mean(values: Floats) -> float:
    """Return the mean of finite numbers, of which there is one at least."""
    with np.errstate(over="ignore"):
        mean = float(values.mean())
    return mean if math.isfinite(mean) else float((values / len(values)).sum())
