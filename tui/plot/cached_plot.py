"""A plot that is kept while its series grow: only the columns that changed are drawn again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asgml.tui.plot.canvas import Canvas
from asgml.tui.plot.glyphs import Glyphs
from asgml.tui.plot.mark_placing import PlacedMark
from asgml.tui.plot.ranges import Range
from asgml.tui.plot.raster import SOLID, Layers, Raster, Textures, draw, draw_tail


class CachedPlot:
    """The curves of one chart as cells, between frames."""

    def __init__(self) -> None:
        self._raster: Raster | None = None
        self._curves_key: object = None
        self._canvas: Canvas | None = None
        self._signs_key: object = None

    def draw(
        self,
        layers: Layers,
        changed: int,
        span: Range,
        size: tuple[int, int],
        glyphs: Glyphs,
        marks: Sequence[PlacedMark],
        cursor: int,
        named: Mapping[int, str],
        textures: Textures = SOLID,
    ) -> Canvas:
        """Return the plot in `size` = (width, height) cells.

        `changed`: the first column of the envelopes that may differ from the last call; `named`:
        curves with the markers they get; `cursor`: a column of cells, -1 without one.
        """
        signs_key = (tuple(marks), cursor, tuple(named.items()))
        raster = self._drawn(layers, changed, span, size, glyphs, textures)
        if self._canvas is None or raster is not self._raster or signs_key != self._signs_key:
            self._canvas = _with_signs(Canvas(raster, glyphs, named), marks, cursor)
        self._raster, self._signs_key = raster, signs_key
        return self._canvas

    def _drawn(
        self,
        layers: Layers,
        changed: int,
        span: Range,
        size: tuple[int, int],
        glyphs: Glyphs,
        textures: Textures,
    ) -> Raster:
        """Return the curves: as they were, with a new tail, or all anew."""
        width, height = size
        key = (span, size, glyphs.name, tuple(curve for curve, _ in layers))
        same, self._curves_key = key == self._curves_key, key
        if self._raster is None or not same:
            return draw(layers, span, width, height, glyphs, textures)
        if changed < width * glyphs.across:
            return draw_tail(self._raster, changed, layers, span, glyphs, textures)
        return self._raster


def _with_signs(canvas: Canvas, marks: Sequence[PlacedMark], cursor: int) -> Canvas:
    """Add what is no curve; the later ones keep out of the cells of the earlier ones."""
    canvas.add_markers()
    canvas.add_faults()
    canvas.add_sunk()
    canvas.add_marks(marks)
    canvas.add_cursor(cursor)
    return canvas
