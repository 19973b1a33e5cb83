"""The arithmetic of a chart: windows of power-of-two buckets, min/max envelopes, smoothing and readable axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Window:
    """The part of the x axis that a chart shows: `columns` buckets of one width."""

    start: float
    bucket: float
    columns: int

    @property
    def end(self) -> float:
        return self.start + self.bucket * self.columns

    def column(self, x: float) -> int:
        return math.floor((x - self.start) / self.bucket)

    def middle(self, column: int) -> float:
        return self.start + (column + 0.5) * self.bucket


def bucket_for(span: float, columns: int) -> float:
    """The smallest of 2^k and 1.5 · 2^k so that `columns` buckets hold `span`: at least two thirds of a chart are in use."""
    if columns <= 0 or span <= 2.0**-10:
        return 1.0
    power = 2.0 ** max(math.floor(math.log2(span / columns)), -10)
    return next(size for size in (power, 1.5 * power, 2 * power, 3 * power) if size * columns >= span)


def window_for(first: float, last: float, columns: int, zoom: int = 0, start: float | None = None) -> Window:
    """The window of a chart whose data reach from `first` to `last`.

    Without zoom it starts at the origin and its bucket doubles when it is full: old columns never change. Zoomed in and
    following (`start` is None) it moves on by half its width, so that most new rows touch one column only.
    """
    origin = 0.0 if first <= 1.0 else float(math.floor(first))
    whole = bucket_for(np.nextafter(last - origin, np.inf), columns)
    bucket = max(whole / 2.0**zoom, 2.0**-10)
    if start is not None:
        return Window(math.floor(start / bucket) * bucket, bucket, columns)
    half = bucket * columns / 2
    moved = max(math.floor((last - origin) / half) - 1, 0) * half
    return Window(origin + moved, bucket, columns)


@dataclass(frozen=True)
class Envelope:
    """What one series looks like in a window: per column the extremes, the first and last value, and whether some are not finite.

    NaN stands in columns without a finite value.
    """

    low: Floats
    high: Floats
    first: Floats
    last: Floats
    bad: Flags

    @property
    def filled(self) -> Flags:
        return ~np.isnan(self.low)


def empty_envelope(columns: int) -> Envelope:
    blank = np.full(columns, np.nan)
    return Envelope(blank, blank.copy(), blank.copy(), blank.copy(), np.zeros(columns, dtype=bool))


def envelope(x: Floats, y: Floats, window: Window) -> Envelope:
    """Minimum and maximum per bucket, so that a spike of one row survives any decimation. `x` must not decrease."""
    result = empty_envelope(window.columns)
    begin, end = (int(row) for row in np.searchsorted(x, [window.start, window.end]))
    if begin < end:
        _fill(result, x[begin:end], y[begin:end], window)
    return result


def _fill(result: Envelope, x: Floats, y: Floats, window: Window) -> None:
    column = np.minimum(((x - window.start) / window.bucket).astype(np.int64), window.columns - 1)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    filled = column[starts]
    usable = np.where(np.isinf(y), np.nan, y)
    result.low[filled] = np.fmin.reduceat(usable, starts)
    result.high[filled] = np.fmax.reduceat(usable, starts)
    result.first[filled] = usable[starts]
    result.last[filled] = usable[np.append(starts[1:], len(y)) - 1]
    result.bad[filled] = np.logical_or.reduceat(np.isnan(usable), starts)


class EnvelopeCache:
    """The envelope of a growing series: a new row costs the last column, not the series."""

    def __init__(self) -> None:
        self._key: Any = None
        self._rows = 0
        self._kept = empty_envelope(0)

    def update(self, x: Floats, y: Floats, window: Window, key: object = None) -> Envelope:
        """The envelope of `y` in `window`. `key` names the series: rows seen before must not have changed under the same key."""
        same = self._key == (window, key) and len(x) >= self._rows
        if not same or self._rows == 0:
            self._kept = envelope(x, y, window)
        elif len(x) > self._rows:
            self._kept = self._extended(x, y, window)
        self._key, self._rows = (window, key), len(x)
        return self._kept

    def _extended(self, x: Floats, y: Floats, window: Window) -> Envelope:
        column = max(window.column(float(x[self._rows - 1])), 0)
        if column >= window.columns:
            return self._kept
        begin = int(np.searchsorted(x, window.start + column * window.bucket))
        fresh = envelope(x[begin:], y[begin:], window)
        names = ("low", "high", "first", "last", "bad")
        joined = {name: np.concatenate([getattr(self._kept, name)[:column], getattr(fresh, name)[column:]]) for name in names}
        return Envelope(**joined)


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
            self._buffer[self._rows : len(values)] = self._continue(np.asarray(fresh, dtype=np.float64))
            self._rows = len(values)
        return self._buffer[: len(values)]

    def _continue(self, fresh: Floats) -> Floats:
        known = np.isfinite(fresh)
        value = decayed_sum(np.where(known, fresh, 0.0), self.weight, self._value)
        mass = self._masses(len(fresh)) if known.all() else decayed_sum(known.astype(np.float64), self.weight, self._mass)
        self._value, self._mass = float(value[-1]), float(mass[-1])
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(known, value / mass, np.nan))

    def _masses(self, rows: int) -> Floats:
        """The sum of weights after each of `rows` values without a gap: a geometric series."""
        decay = self.weight ** np.arange(1, rows + 1)
        return np.asarray(self._mass * decay + (1 - decay) / (1 - self.weight))

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


@dataclass(frozen=True)
class Range:
    """The y range of a chart, in the chart's own scale (log10 on a log axis), with its tick distance."""

    low: float
    high: float
    tick: float
    log: bool = False

    def ticks(self) -> list[float]:
        first, last = math.ceil(self.low / self.tick - 1e-9), math.floor(self.high / self.tick + 1e-9)
        return [index * self.tick for index in range(first, last + 1)]

    def label(self, tick: float) -> str:
        value = 10.0**tick if self.log else tick
        if self.log and (abs(tick) >= 3):
            return f"1e{tick:.0f}" if tick == round(tick) else f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
        if abs(value) < self.tick * 1e-6 and not self.log:
            return "0"
        return _short(value, 10.0 ** (tick - 1) if self.log else self.tick)


def _short(value: float, tick: float) -> str:
    size = abs(value)
    if size >= 1e4 or (0 < size < 1e-3):
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    decimals = max(-math.floor(math.log10(tick) + 1e-9), 0)
    text = f"{value:.{min(decimals, 4)}f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def nice_tick(span: float, most: int) -> float:
    """The smallest of 1, 2, 5 × a power of ten that cuts `span` into at most `most` pieces."""
    raw = span / max(most, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    return next((power * digit for digit in (1.0, 2.0, 5.0) if power * digit >= raw * (1 - 1e-9)), power * 10)


def nice_range(low: float, high: float, log: bool = False, most: int = 4) -> Range:
    """A range rounded outwards to 1-2-5 ticks.

    It depends on the data alone: a replayed moment looks like the live one, and because the extremes of a growing
    series only move outwards, the range changes seldom.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return Range(0.0, 1.0, 0.5, log)
    if log:
        return _nice_log(low, high, most)
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        low, high = low - (abs(low) * 0.1 or 1.0), high + (abs(high) * 0.1 or 1.0)
    tick = nice_tick(high - low, most)
    return Range(math.floor(low / tick + 1e-9) * tick, math.ceil(high / tick - 1e-9) * tick, tick)


def _nice_log(low: float, high: float, most: int) -> Range:
    tick = nice_tick(max(high - low, 0.5), most)
    if tick < 1:
        tick = 0.5
    bottom, top = math.floor(low / tick + 1e-9) * tick, math.ceil(high / tick - 1e-9) * tick
    return Range(bottom, top if top > bottom else bottom + tick, tick, log=True)


def sparkline(values: Floats, width: int, glyphs: str = "▁▂▃▄▅▆▇█") -> str:
    """A series in `width` cells: the mean of each equal part; `!` where a part has no finite value."""
    if len(values) == 0 or width <= 0:
        return " " * max(width, 0)
    parts = np.array_split(values, width) if len(values) > width else [values[row : row + 1] for row in range(len(values))]
    means = [_mean(part) for part in parts]
    known = [mean for mean in means if math.isfinite(mean)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    span = high - low
    levels = len(glyphs) - 1
    drawn = [glyphs[round((mean - low) / span * levels) if span > 0 else levels // 2] if math.isfinite(mean) else "!" for mean in means]
    return "".join(drawn).rjust(width)


def _mean(part: Floats) -> float:
    finite = part[np.isfinite(part)]
    return float(finite.mean()) if len(finite) else math.nan
