"""From envelopes to dots: each cell gets the curve that owns it and its pattern of dots."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.decimation import Envelope, Flags, side_by_side
from asgml.tui.plot.glyphs import BRAILLE, Glyphs
from asgml.tui.plot.ranges import Range
from asgml.tui.plot.strokes import stroke_rows
from asgml.tui.plot.textures import Texture, textured

Layers = Sequence[tuple[int, Envelope]]
"""Curves from the topmost down: the number of each, and its envelope with a column for each dot."""
Textures = Mapping[int, Texture]
"""The texture of each curve, by its number; solid where none is given."""
SOLID: Textures = {}


@dataclass(frozen=True)
class Raster:
    """A drawn chart, in cells.

    `owner` has the number of the curve that owns a cell, -1 without one, and `pattern` its dots,
    both of shape (height, width); `bad` has, for each column of cells, the curve with a value there
    that is not finite, or -1, and `sunk` the curve with values that a log axis has no place for.
    """

    owner: NDArray[np.int16]
    pattern: NDArray[np.int16]
    bad: NDArray[np.int16]
    sunk: NDArray[np.int16]


def draw(
    layers: Layers,
    span: Range,
    width: int,
    height: int,
    glyphs: Glyphs = BRAILLE,
    textures: Textures = SOLID,
) -> Raster:
    """Return `layers` drawn in width × height cells.

    A cell belongs to the topmost curve with a dot in it: order decides, not time.
    """
    return draw_tail(_blank(width, height), 0, layers, span, glyphs, textures)


def draw_tail(
    before: Raster,
    begin: int,
    layers: Layers,
    span: Range,
    glyphs: Glyphs = BRAILLE,
    textures: Textures = SOLID,
) -> Raster:
    """Return `before` with everything from column `begin` of the envelopes on drawn anew."""
    height, width = before.owner.shape
    first_cell = begin // glyphs.across
    tail = _blank(width - first_cell, height)
    tails = _tails([data for _, data in layers], first_cell, width, glyphs.across)
    grids = _grids(tails, span, height * glyphs.down)
    for (curve, _), (start, data), grid in zip(layers, tails, grids, strict=True):
        texture = textures.get(curve, "solid")
        whole = textured(grid, texture, start * glyphs.across, glyphs)
        cells = cell_patterns(whole, glyphs)[:, first_cell - start :]
        free = (tail.owner < 0) & (cells > 0)
        tail.owner[free], tail.pattern[free] = curve, cells[free]
        here = slice((first_cell - start) * glyphs.across, None)
        if data.bad.any():
            _flag(tail.bad, data.bad[here], curve, glyphs)
        if span.log:
            _flag(tail.sunk, data.high[here] <= 0, curve, glyphs)
    return tail if first_cell == 0 else _joined(before, tail, first_cell)


def _flag(cells: NDArray[np.int16], columns: Flags, curve: int, glyphs: Glyphs) -> None:
    """Write a curve's number into the cells of these columns that have none yet."""
    flagged = columns.reshape(len(cells), glyphs.across).any(axis=1)
    cells[flagged & (cells < 0)] = curve


def _joined(before: Raster, tail: Raster, cell: int) -> Raster:
    return Raster(
        np.concatenate((before.owner[:, :cell], tail.owner), axis=1),
        np.concatenate((before.pattern[:, :cell], tail.pattern), axis=1),
        np.concatenate((before.bad[:cell], tail.bad)),
        np.concatenate((before.sunk[:cell], tail.sunk)),
    )


def _blank(width: int, height: int) -> Raster:
    return Raster(
        np.full((height, width), -1, dtype=np.int16),
        np.zeros((height, width), dtype=np.int16),
        np.full(width, -1, dtype=np.int16),
        np.full(width, -1, dtype=np.int16),
    )


def _tails(
    envelopes: Sequence[Envelope], first_cell: int, width: int, across: int
) -> list[tuple[int, Envelope]]:
    """Return the first cell and the columns of each envelope that are drawn.

    They begin with the last point before the tail, for the stroke that comes from there.
    """
    starts = [_last_filled(data, first_cell * across) // across for data in envelopes]
    return [
        (start, data.cut(start * across, width * across))
        for start, data in zip(starts, envelopes, strict=True)
    ]


def _grids(tails: Sequence[tuple[int, Envelope]], span: Range, rows: int) -> list[Flags]:
    """Return the dots of each tail; all are computed side by side, as a series with faults between.

    No stroke passes a fault, so none passes from one into the next.
    """
    if not tails:
        return []
    grid = dots(side_by_side([data for _, data in tails]), span, rows)
    ends = np.cumsum([len(data.low) + 1 for _, data in tails]).tolist()
    return [
        grid[:, end - len(data.low) - 1 : end - 1]
        for end, (_, data) in zip(ends, tails, strict=True)
    ]


def _last_filled(data: Envelope, begin: int) -> int:
    """Return the last filled column left of `begin`, `begin` itself where there is none."""
    if begin > 0 and not math.isnan(data.low[begin - 1]):  # as nearly always
        return begin - 1
    filled = np.flatnonzero(data.filled[:begin])
    return int(filled[-1]) if len(filled) else begin


def dots(data: Envelope, span: Range, rows: int) -> Flags:
    """Return the dots that a curve touches, shape (rows, columns); row 0 is the top."""
    top, bottom = stroke_rows(data, span, rows)
    row = np.arange(rows)[:, None]
    return np.asarray((row >= top) & (row <= bottom))


def cell_patterns(grid: Flags, glyphs: Glyphs) -> NDArray[np.int16]:
    """Return the pattern of each cell from its dots."""
    rows, columns = grid.shape
    width = columns // glyphs.across
    shape = (rows // glyphs.down, glyphs.down, width, glyphs.across)
    cells = grid[:, : width * glyphs.across].reshape(shape)
    return np.asarray(np.einsum("rdwa,da->rw", cells, np.array(glyphs.dot_weights)), dtype=np.int16)
