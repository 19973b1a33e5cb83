"""Points in a plane as dots, and the cell that each one lies in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from asgml.tui.plot.decimation import Floats
from asgml.tui.plot.glyphs import Glyphs
from asgml.tui.plot.raster import Raster, cell_patterns

Points = tuple[Floats, Floats]
"""x and y from 0 to 1, of one length; y grows upwards. What lies outside is put on the edge."""


def scatter(layers: Sequence[Points], width: int, height: int, glyphs: Glyphs) -> Raster:
    """Return the points of each layer in width × height cells; a cell is of the topmost layer.

    The first layer is on top. Points that are NaN are left out.
    """
    owner = np.full((height, width), -1, np.int16)
    pattern = np.zeros((height, width), np.int16)
    for layer, points in enumerate(layers):
        columns, rows = places(points, width * glyphs.across, height * glyphs.down)
        grid = np.zeros((height * glyphs.down, width * glyphs.across), bool)
        grid[rows, columns] = True
        cells = cell_patterns(grid, glyphs)
        free = (owner < 0) & (cells > 0)
        owner[free], pattern[free] = layer, cells[free]
    none = np.full(width, -1, np.int16)
    return Raster(owner, pattern, none, none)


def places(points: Points, columns: int, rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return column and row of each point in a grid; row 0 is the top."""
    x, y = points
    known = ~(np.isnan(x) | np.isnan(y))
    across = np.clip(np.floor(np.clip(x[known], 0, 1) * columns), 0, columns - 1)
    down = np.clip(np.floor((1 - np.clip(y[known], 0, 1)) * rows), 0, rows - 1)
    return across.astype(np.int64), down.astype(np.int64)
