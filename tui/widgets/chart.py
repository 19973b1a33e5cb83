"""A chart: the curves of one panel, with interventions, faults, a cursor and a legend."""

from __future__ import annotations

from functools import partial

from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from asgml.storage.format.safe_text import safe
from asgml.tui.plot.cached_plot import CachedPlot
from asgml.tui.plot.canvas import Canvas, PlacedMark
from asgml.tui.plot.ranges import Range
from asgml.tui.plot.raster import Layers
from asgml.tui.plot.windows import Window
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.widgets.axes import mark_x, range_of, window_of, y_labels
from asgml.tui.widgets.box import Box
from asgml.tui.widgets.chart_strips import AXIS, ChartRow, ChartStrips, plot_style
from asgml.tui.widgets.curves import RAW, CurveEnvelopes, curves_of
from asgml.tui.widgets.legend import legend, legend_entries, legend_values

_AROUND_TITLE = 9
"""Cells of the upper edge that are neither title nor legend."""


class Chart(Box):
    """One panel of a scene. Only the rows that changed are drawn again."""

    DEFAULT_CSS = "Chart { height: 1fr; }"

    class Picked(Message):
        """A chart was clicked."""

        def __init__(self, chart: Chart) -> None:
            super().__init__()
            self.chart = chart

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.panel: Panel | None = None
        self.window = Window(0.0, 1.0, 1)
        self.values: dict[str, float] = {}
        self._envelopes = CurveEnvelopes()
        self._plot = CachedPlot()
        self._strips: list[Strip] = []
        self._row_keys: list[object] = []
        self._plot_styles: dict[int, Style] = {}
        self._selected = False
        self._legend_waits = False

    def draw_panel(
        self, scene: Scene, panel: Panel, view: View, selected: bool, numbers: bool = True
    ) -> None:
        """Draw a panel of a scene as the view asks. Without `numbers` the legend stays as it is."""
        width, height = size = max(self.size.width - AXIS - 2, 0), max(self.size.height - 2, 0)
        if width < 4 or height < 1:
            return
        if self.panel is None or self.panel.title != panel.title:
            self._envelopes.clear()
            numbers = True
        self.panel = panel
        log = view.log(panel.title, panel.log)
        curves = curves_of(panel, scene, view)
        self.window = window_of(scene, view, width * self.theme_styles.glyphs.across)
        lengths = tuple((curve.style, curve.key, len(curve.x)) for curve in curves)
        known = tuple(line.column in scene.known for line in panel.lines)
        shown = (lengths, self.window, log, view.cursor, view.axis, selected, scene.history.marks)
        if not self.stale(*shown, known, numbers and self._legend_waits):
            return  # a chart of rare numbers (probes, epochs), while those of every step move on
        layers, changed = self._envelopes.update(curves, self.window)
        span = range_of([data for _, data in layers], log, height)
        canvas = self._draw_plot(scene, view, layers, changed, span, size)
        self._show_rows(self._rows_of(scene, view, canvas, span, selected), view, numbers, selected)

    def _draw_plot(
        self,
        scene: Scene,
        view: View,
        layers: Layers,
        changed: int,
        span: Range,
        size: tuple[int, int],
    ) -> Canvas:
        named = [style for style, _ in layers if style < RAW]
        cursor = -1 if view.cursor is None else self._cell(view.cursor)
        marks = self._marks(scene, view.axis, size[0])
        glyphs = self.theme_styles.glyphs
        return self._plot.draw(layers, changed, span, size, glyphs, marks, cursor, named)

    def _cell(self, x: float) -> int:
        return self.window.column(x) // self.theme_styles.glyphs.across

    def _marks(self, scene: Scene, axis: str, width: int) -> list[PlacedMark]:
        """Return the interventions that lie in the window."""
        placed = [
            (self._cell(mark_x(mark, axis, scene.data.start_time)), mark.kind, mark.label)
            for mark in scene.history.marks
        ]
        return [mark for mark in placed if 0 <= mark[0] < width]

    def _rows_of(
        self, scene: Scene, view: View, canvas: Canvas, span: Range, selected: bool
    ) -> list[ChartRow]:
        """Return all rows from the top down, none drawn yet."""
        strips = ChartStrips(self.theme_styles, self.base, self.size.width, selected)
        labels = y_labels(span, canvas.height)
        bottom = partial(strips.bottom, self.window, canvas.width, view.axis)
        return [
            self._top_row(scene, view, span, strips),
            *(
                self._plot_row(canvas, row, labels.get(row, ""), strips)
                for row in range(canvas.height)
            ),
            ChartRow((self.window, view.axis, selected), bottom),
        ]

    def _top_row(self, scene: Scene, view: View, span: Range, strips: ChartStrips) -> ChartRow:
        assert self.panel is not None
        self.values = legend_values(self.panel, scene, view)
        entries = legend_entries(self.panel, scene, self.values)
        cursor, axis = view.cursor, view.axis
        notes = [note for note in ("log" if span.log else "", safe(self.panel.unit)) if note]
        title = safe(self.panel.title) + (f" ({', '.join(notes)})" if notes else "")
        room = strips.width - len(title) - _AROUND_TITLE

        def draw() -> Strip:
            return strips.top(title, legend(entries, cursor, axis, room, strips.styles))

        return ChartRow((title, entries, cursor, axis, strips.selected), draw)

    def _plot_row(self, canvas: Canvas, row: int, label: str, strips: ChartStrips) -> ChartRow:
        cells = (canvas.letters[row].tobytes(), canvas.styles[row].tobytes())
        draw = partial(strips.plot, canvas, row, label, self._plot_style)
        return ChartRow((label, *cells, strips.selected), draw)

    def _show_rows(self, rows: list[ChartRow], view: View, numbers: bool, selected: bool) -> None:
        """Draw the rows that changed; the upper edge keeps its old key while the legend waits."""
        # A cursor or a selection is the user's doing: its legend does not wait.
        same = bool(self._row_keys) and view.cursor is None and self._selected == selected
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
            self.panel, self._strips, self._row_keys, self._shown_for = None, [], [], None
            self.refresh()

    def forget(self) -> None:
        """Draw everything anew at the next call: the theme has changed."""
        self._row_keys, self._plot_styles, self._shown_for = [], {}, None

    def on_click(self) -> None:
        self.post_message(self.Picked(self))
