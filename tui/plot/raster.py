"""From envelopes to characters: braille dots, half blocks or plain ASCII, one owner per cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.envelopes import Envelope, Flags, Floats
from asgml.tui.plot.glyphs import BRAILLE, Glyphs
from asgml.tui.plot.ranges import Range


@dataclass(frozen=True)
class Raster:
    """A drawn chart: per cell the index of the series that owns it (-1: none) and its pattern of dots."""

    owner: NDArray[np.int16]
    pattern: NDArray[np.int16]
    bad: NDArray[np.int16]
    """Per cell column the series with a value that is not finite, or -1."""


def draw(
    layers: Sequence[tuple[int, Envelope]],
    span: Range,
    width: int,
    height: int,
    glyphs: Glyphs = BRAILLE,
) -> Raster:
    """Draws `layers`, the topmost first. A cell belongs to the topmost series with a dot in it: order, not time, decides."""
    return draw_tail(_blank(width, height), 0, layers, span, glyphs)


def draw_tail(
    before: Raster,
    begin: int,
    layers: Sequence[tuple[int, Envelope]],
    span: Range,
    glyphs: Glyphs = BRAILLE,
) -> Raster:
    """What was drawn before, with the dots from column `begin` of the envelopes on drawn anew."""
    height, width = before.owner.shape
    cell = begin // glyphs.across
    tail = _blank(width - cell, height)
    for series, data in layers:
        start = _last_filled(data, cell * glyphs.across) // glyphs.across
        cells = _cells(dots(data.cut(start * glyphs.across), span, height * glyphs.down), glyphs)[
            :, cell - start : width - start
        ]
        free = (tail.owner < 0) & (cells > 0)
        tail.owner[free], tail.pattern[free] = series, cells[free]
        flagged = (
            data.bad[cell * glyphs.across : width * glyphs.across]
            .reshape(width - cell, glyphs.across)
            .any(axis=1)
        )
        tail.bad[flagged & (tail.bad < 0)] = series
    if cell == 0:
        return tail
    return Raster(
        np.concatenate((before.owner[:, :cell], tail.owner), axis=1),
        np.concatenate((before.pattern[:, :cell], tail.pattern), axis=1),
        np.concatenate((before.bad[:cell], tail.bad)),
    )


def _blank(width: int, height: int) -> Raster:
    none = np.full((height, width), -1, dtype=np.int16)
    return Raster(
        none, np.zeros((height, width), dtype=np.int16), np.full(width, -1, dtype=np.int16)
    )


def _last_filled(data: Envelope, begin: int) -> int:
    """The column left of `begin` that a stroke may come from; `begin` itself where there is none."""
    filled = np.flatnonzero(data.filled[:begin])
    return int(filled[-1]) if len(filled) else begin


def dots(data: Envelope, span: Range, rows: int) -> Flags:
    """Which dots of a (rows, columns) grid the series touches; row 0 is the top."""
    top, bottom = _levels(data, span, rows)
    row = np.arange(rows)[:, None]
    return np.asarray((row >= top) & (row <= bottom))


def _levels(data: Envelope, span: Range, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Per column the first and last row of its stroke; an empty column gets a stroke that no row meets."""
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
    """Values on the chart's scale. What has no logarithm is a gap on a log axis."""
    if not span.log:
        return values.copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, np.log10(values), np.nan)


def _row(values: Floats, span: Range, rows: int) -> NDArray[np.int64]:
    share = (span.high - np.nan_to_num(values, nan=span.low)) / (span.high - span.low)
    return np.clip(np.floor(share * rows), 0, rows - 1).astype(np.int64)


def _bridge(high: Floats, low: Floats, first: Floats, last: Floats, bad: Flags) -> None:
    """Draws a straight line through empty columns between two points, except across a value that is not finite."""
    filled = np.flatnonzero(~np.isnan(high))
    for left, right in zip(
        filled[:-1][np.diff(filled) > 1], filled[1:][np.diff(filled) > 1], strict=True
    ):
        if bad[left : right + 1].any() or np.isnan(last[left]) or np.isnan(first[right]):
            continue
        line = np.linspace(last[left], first[right], right - left + 1)[1:-1]
        high[left + 1 : right], low[left + 1 : right] = line, line


def _join(top: NDArray[np.int64], bottom: NDArray[np.int64], empty: Flags, bad: Flags) -> None:
    """Stretches each stroke until it touches its left neighbour: the neighbour, being older, never changes."""
    old_top, old_bottom = top.copy(), bottom.copy()
    joined = ~empty[1:] & ~empty[:-1] & ~(bad[1:] & bad[:-1])
    rise = joined & (old_bottom[1:] < old_top[:-1] - 1)
    fall = joined & (old_top[1:] > old_bottom[:-1] + 1)
    bottom[1:][rise] = old_top[:-1][rise] - 1
    top[1:][fall] = old_bottom[:-1][fall] + 1


def _cells(grid: Flags, glyphs: Glyphs) -> NDArray[np.int16]:
    rows, columns = grid.shape
    width = columns // glyphs.across
    blocks = grid[:, : width * glyphs.across].reshape(
        rows // glyphs.down, glyphs.down, width, glyphs.across
    )
    return np.asarray(np.einsum("rdwa,da->rw", blocks, glyphs.dot_weights), dtype=np.int16)
