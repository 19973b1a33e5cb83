"""A framed plot: curves with marks, faults, a cursor and a legend, whatever they are curves of."""

from __future__ import annotations

from functools import partial

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from asgml.storage.format.safe_text import safe
from asgml.tui.plot.cached_plot import CachedPlot
from asgml.tui.plot.canvas import Canvas
from asgml.tui.plot.ranges import Range
from asgml.tui.plot.raster import Layers
from asgml.tui.widgets.axes import range_of, y_labels
from asgml.tui.widgets.chart_strips import AXIS, ChartRow, ChartStrips, plot_style
from asgml.tui.widgets.curves import CurveEnvelopes
from asgml.tui.widgets.plot_content import PlotContent
from asgml.tui.widgets.plot_mouse import PlotMouse

_AROUND_TITLE = 9
"""Cells of the upper edge that are neither title nor legend."""
_AROUND_NOTE = 3


class PlotBox(PlotMouse):
    """One plot in a frame. Only the rows that changed are drawn again."""

    DEFAULT_CSS = "PlotBox { height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = ""
        self._envelopes = CurveEnvelopes()
        self._plot = CachedPlot()
        self._strips: list[Strip] = []
        self._row_keys: list[object] = []
        self._plot_styles: dict[int, Style] = {}
        self._selected = False
        self._legend_waits = False

    @property
    def plot_size(self) -> tuple[int, int]:
        """Columns and rows inside the frame and beside the y axis."""
        return max(self.size.width - AXIS - 2, 0), max(self.size.height - 2, 0)

    def draw_content(self, content: PlotContent, selected: bool, numbers: bool = True) -> None:
        """Draw what has changed. Without `numbers` the legend stays as it is."""
        width, height = self.plot_size
        if width < 4 or height < 1:
            return
        if self._title != content.title:
            self._envelopes.clear()
            numbers = True
        self._title = content.title
        self.window = content.window
        lengths = tuple((curve.style, curve.key, len(curve.x)) for curve in content.curves)
        shown = (lengths, content.window, content.log, content.cursor, content.axis, selected)
        if not self.stale(*shown, content.key, numbers and self._legend_waits):
            return  # a chart of rare numbers (probes, epochs), while those of every step move on
        layers, changed = self._envelopes.update(content.curves, content.window)
        span = self._span(content, layers, height)
        cursor = -1 if content.cursor is None else self.cell(content.cursor)
        canvas = self._plot.draw(
            layers,
            changed,
            span,
            (width, height),
            self.theme_styles.glyphs,
            content.marks,
            cursor,
            content.named,
            content.textures,
        )
        same = bool(self._row_keys) and content.cursor is None and self._selected == selected
        self._show_rows(self._rows_of(content, canvas, span, selected), same, numbers, selected)

    def _span(self, content: PlotContent, layers: Layers, height: int) -> Range:
        bands = {style for style, texture in content.textures.items() if texture == "band"}
        lines = [data for style, data in layers if style not in bands]
        return range_of(lines, content.log, height, [d for style, d in layers if style in bands])

    def cell(self, x: float) -> int:
        """Return the column of cells that an x value is drawn in, counted from the y axis."""
        return self.window.column(x) // self.theme_styles.glyphs.across

    def _rows_of(
        self, content: PlotContent, canvas: Canvas, span: Range, selected: bool
    ) -> list[ChartRow]:
        """Return all rows from the top down, none drawn yet."""
        strips = ChartStrips(self.theme_styles, self.base, self.size.width, selected)
        labels, note = y_labels(span, canvas.height)
        bottom = partial(strips.bottom, content.window, canvas.width, content.axis)
        return [
            self._top_row(content, span, note, strips),
            *(
                self._plot_row(canvas, row, labels.get(row, ""), strips)
                for row in range(canvas.height)
            ),
            ChartRow((content.window, content.axis, selected), bottom),
        ]

    def _top_row(
        self, content: PlotContent, span: Range, note: str, strips: ChartStrips
    ) -> ChartRow:
        glyph, legend = self.theme_styles.glyph, content.legend(span)
        common, unit = (text.replace("×", glyph("×", "x")) for text in (note, content.unit))
        notes = [text for text in ("log" if span.log else "", safe(unit)) if text]
        title = safe(content.title) + (f" ({', '.join(notes)})" if notes else "")
        around = _AROUND_TITLE + (len(common) + _AROUND_NOTE if common else 0)
        room = strips.width - len(title) - around
        key = (title, common, legend.key, content.cursor, content.axis, strips.selected)
        return ChartRow(key, lambda: strips.top(title, common, legend.text(room)))

    def _plot_row(self, canvas: Canvas, row: int, label: str, strips: ChartStrips) -> ChartRow:
        cells = (canvas.letters[row].tobytes(), canvas.styles[row].tobytes())
        draw = partial(strips.plot, canvas, row, label, self._plot_style)
        return ChartRow((label, *cells, strips.selected), draw)

    def _show_rows(self, rows: list[ChartRow], same: bool, numbers: bool, selected: bool) -> None:
        """Draw the rows that changed; the upper edge keeps its old key while the legend waits.

        A cursor or a selection (not `same`) is the user's doing: its legend does not wait.
        """
        self._legend_waits = same and not numbers
        self._selected = selected
        top, *rest = rows
        self._publish([ChartRow(self._row_keys[0], top.draw) if self._legend_waits else top, *rest])

    def _publish(self, rows: list[ChartRow]) -> None:
        old, width = self._row_keys, self.size.width
        resized = len(self._strips) != len(rows) or self._strips[0].cell_length != width
        if resized:
            self._strips, old = [Strip.blank(width, self.base)] * len(rows), []
        self._row_keys = [row.key for row in rows]
        changed = [
            index for index, row in enumerate(rows) if index >= len(old) or old[index] != row.key
        ]
        for index in changed:
            self._strips[index] = rows[index].draw()
        if resized:
            self.refresh()
        elif changed:
            self.refresh(*(Region(0, index, width, 1) for index in changed))

    def _plot_style(self, number: int) -> Style:
        """Return the style of a curve or a sign, on the widget's ground."""
        if number not in self._plot_styles:
            self._plot_styles[number] = self.base + plot_style(number, self.theme_styles)
        return self._plot_styles[number]

    def notify_style_update(self) -> None:
        """Compute all styles again when they are next used."""
        self._plot_styles = {}
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        """Return row `y` of the widget."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.base)

    def clear(self) -> None:
        """Show nothing: this place of the grid has no panel."""
        if self._strips:
            self._strips, self._row_keys, self._shown_for = [], [], None
            self.refresh()

    def forget(self) -> None:
        """Draw everything anew at the next call: the theme has changed."""
        self._row_keys, self._plot_styles, self._shown_for = [], {}, None
