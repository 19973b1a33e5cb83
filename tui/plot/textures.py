"""Textures: dashes and dots that tell curves of one colour apart, and the light fill of a band."""

from __future__ import annotations

from typing import Literal

import numpy as np

from asgml.tui.plot.decimation import Flags
from asgml.tui.plot.glyphs import Glyphs

Texture = Literal["solid", "dashed", "dotted", "dash-dot", "band"]
LINES: tuple[Texture, ...] = ("solid", "dashed", "dotted", "dash-dot")
"""Textures of the lines of one chart, in their order."""
_PERIODS = {
    "dashed": "######..",
    "dotted": "##..",
    "dash-dot": "######..##..",
}
"""Dots that are drawn, along the x axis; two dots are a cell of braille."""
_SPIKE = 8
"""A stroke of more dots is no part of a dash: a spike is drawn wherever it is."""


def textured(grid: Flags, texture: Texture, begin: int, glyphs: Glyphs) -> Flags:
    """Return the dots of a curve that its texture keeps.

    `grid` has shape (rows, columns); `begin` is the place of its first column in the chart, so that
    a part of a curve has the texture of the whole.
    """
    if texture == "solid":
        return grid
    if texture == "band":
        return grid & _stipple(grid.shape[0], grid.shape[1], begin, glyphs)
    kept = np.array([dot == "#" for dot in _PERIODS[texture]])
    column = (begin + np.arange(grid.shape[1])) * (2 // glyphs.across)
    drawn = kept[column % len(kept)] | (grid.sum(axis=0) > _SPIKE)
    return np.asarray(grid & drawn)


def _stipple(rows: int, columns: int, begin: int, glyphs: Glyphs) -> Flags:
    """Return a light fill: one dot of each braille cell, every second half block, every cell."""
    row, column = np.arange(rows)[:, None], (begin + np.arange(columns))[None, :]
    if glyphs.across == 2:
        return np.asarray((column % 2 == 0) & ((row + column) % 4 == 1))
    if glyphs.down == 2:
        return np.asarray((row + column) % 2 == 0)
    return np.ones((rows, columns), dtype=bool)
