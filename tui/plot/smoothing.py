"""The moving average of a growing series, fast for a million rows; and a series in one line of text."""

from __future__ import annotations

import math

import numpy as np

from asgml.tui.plot.envelopes import Floats

_BLOCK = 32


class Smoother:
    """Bias-corrected exponential moving average of a whole series, continued as the series grows.

    NaN and infinity are passed over. The average is always that of the full series, never of the visible window, so
    zooming does not change a curve.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._value = 0.0
        self._mass = 0.0
        self._rows = 0
        self._buffer = np.empty(0)

    def update(self, values: Floats) -> Floats:
        """The smoothed series; `values` must agree with the rows given before. Do not write into the result.

        The average looks back only, so that of an earlier moment is a beginning of what is known already.
        """
        fresh = values[self._rows :]
        if len(fresh):
            self._reserve(len(values))
            self._buffer[self._rows : len(values)] = self._continue(
                np.asarray(fresh, dtype=np.float64)
            )
            self._rows = len(values)
        return self._buffer[: len(values)]

    def _continue(self, fresh: Floats) -> Floats:
        known = np.isfinite(fresh)
        value = decayed_sum(np.where(known, fresh, 0.0), self.weight, self._value)
        mass = (
            self._masses(len(fresh))
            if known.all()
            else decayed_sum(known.astype(np.float64), self.weight, self._mass)
        )
        self._value, self._mass = float(value[-1]), float(mass[-1])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(known, value / mass, np.nan))

    def _masses(self, rows: int) -> Floats:
        """The sum of weights after each of `rows` values without a gap: a geometric series, soon as good as its limit."""
        masses = np.full(rows, 1 / (1 - self.weight))
        begin = min(rows, math.ceil(math.log(1e-18) / math.log(self.weight)))
        decay = self.weight ** np.arange(1, begin + 1)
        masses[:begin] = self._mass * decay + (1 - decay) / (1 - self.weight)
        return masses

    def _reserve(self, rows: int) -> None:
        if rows > len(self._buffer):
            grown = np.empty(max(rows, 2 * len(self._buffer), 1024))
            grown[: self._rows] = self._buffer[: self._rows]
            self._buffer = grown


def decayed_sum(values: Floats, weight: float, carry: float = 0.0) -> Floats:
    """`s[i] = weight * s[i-1] + values[i]` with `s[-1] = carry`, in blocks instead of a loop over rows."""
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
    lag = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
    return np.where(lag >= 0, float(weight) ** np.maximum(lag, 0), 0.0)


def sparkline(values: Floats, width: int, glyphs: str = "▁▂▃▄▅▆▇█") -> str:
    """A series in `width` cells: the mean of each equal part; `!` where a part has no finite value."""
    if len(values) == 0 or width <= 0:
        return " " * max(width, 0)
    parts = (
        np.array_split(values, width)
        if len(values) > width
        else [values[row : row + 1] for row in range(len(values))]
    )
    means = [_mean(part) for part in parts]
    known = [mean for mean in means if math.isfinite(mean)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    span = high - low
    levels = len(glyphs) - 1
    drawn = [
        glyphs[round((mean - low) / span * levels) if span > 0 else levels // 2]
        if math.isfinite(mean)
        else "!"
        for mean in means
    ]
    return "".join(drawn).rjust(width)


def _mean(part: Floats) -> float:
    finite = part[np.isfinite(part)]
    return float(finite.mean()) if len(finite) else math.nan
