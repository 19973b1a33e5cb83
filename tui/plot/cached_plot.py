"""A plot that is kept while its series grow: only the columns that changed are rasterised again."""

from __future__ import annotations

from collections.abc import Sequence

from asgml.tui.plot.canvas import Canvas
from asgml.tui.plot.envelopes import Envelope
from asgml.tui.plot.glyphs import Glyphs
from asgml.tui.plot.ranges import Range
from asgml.tui.plot.raster import Raster, draw, draw_tail

Placed = tuple[int, str, str]
"""An intervention as it stands on a plot: cell column, kind, label."""


class CachedPlot:
    """The curves of one chart as cells."""

    def __init__(self) -> None:
        self._raster: Raster | None = None
        self._key: object = None
        self._canvas: Canvas | None = None
        self._signs: object = None

    def draw(
        self,
        layers: Sequence[tuple[int, Envelope]],
        changed: int,
        span: Range,
        size: tuple[int, int],
        glyphs: Glyphs,
        marks: Sequence[Placed],
        cursor: int,
        named: Sequence[int],
    ) -> Canvas:
        """`changed`: the first column of the envelopes that may differ from the last call; `named`: curves that get markers."""
        width, height = size
        key = (span, size, glyphs.name, tuple(style for style, _ in layers))
        signs = (tuple(marks), cursor)
        if self._raster is None or key != self._key:
            self._raster, self._canvas = draw(layers, span, width, height, glyphs), None
        elif changed < width * glyphs.across:
            self._raster, self._canvas = (
                draw_tail(self._raster, changed, layers, span, glyphs),
                None,
            )
        if self._canvas is None or signs != self._signs:
            self._canvas = _canvas(self._raster, glyphs, marks, cursor, named)
        self._key, self._signs = key, signs
        return self._canvas


def _canvas(
    raster: Raster, glyphs: Glyphs, marks: Sequence[Placed], cursor: int, named: Sequence[int]
) -> Canvas:
    canvas = Canvas(raster, glyphs)
    canvas.add_markers(named)
    canvas.add_faults()
    canvas.add_marks(marks)
    canvas.add_cursor(cursor)
    return canvas
