"""The chart: curves of one panel in braille, with interventions, faults, a cursor and a legend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from asgml.storage.format.safe_text import safe
from asgml.tui.plot.cached_plot import CachedPlot
from asgml.tui.plot.canvas import CURSOR, FAULT, MARK, TEXT, Canvas, PlacedMark
from asgml.tui.plot.envelope_cache import EnvelopeCache
from asgml.tui.plot.envelopes import Envelope
from asgml.tui.plot.ranges import Range
from asgml.tui.plot.windows import Window
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.widgets.axes import LABEL, mark_x, range_of, window_of, x_labels, y_labels
from asgml.tui.widgets.curves import DIM, OVERLAY, Curve, curves_of
from asgml.tui.widgets.legend import legend, legend_entries, legend_values
from asgml.tui.widgets.lines import Box, to_strip, top_edge

_AXIS = LABEL + 1


@dataclass(frozen=True)
class _Row:
    """A row of the widget: a key that tells whether it has changed, and how to draw it."""

    key: object
    draw: Callable[[], Strip]


class Chart(Box):
    """Draws one panel of a scene. Only the rows that changed are drawn again."""

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
        self._caches: dict[object, EnvelopeCache] = {}
        self._order: list[object] = []
        self._plot = CachedPlot()
        self._strips: list[Strip] = []
        self._shown: list[object] = []
        self._styles: dict[int, Style] = {}
        self._legend_waits = self._hot = False

    def draw_panel(
        self, scene: Scene, panel: Panel, view: View, hot: bool, numbers: bool = True
    ) -> None:
        """Shows a panel of a scene as the view asks. Without `numbers` the legend stays as it is until they come."""
        width, height = size = max(self.size.width - _AXIS - 2, 0), max(self.size.height - 2, 0)
        if width < 4 or height < 1:
            return
        if self.panel is None or self.panel.title != panel.title:
            self._caches.clear()
            numbers = True
        self.panel = panel
        glyphs, log = self.theme_styles.glyphs, view.log(panel.title, panel.log)
        curves = curves_of(panel, scene, view)
        self.window = window_of(scene, view, width * glyphs.across)
        known = tuple(line.column in scene.known for line in panel.lines)
        rows = tuple((curve.style, curve.key, len(curve.x)) for curve in curves)
        if not self.stale(
            rows,
            self.window,
            log,
            view.cursor,
            view.axis,
            hot,
            scene.history.marks,
            known,
            numbers and self._legend_waits,
        ):
            return  # a chart of rare numbers, while others move on
        layers, changed = self._envelopes(curves)
        span = range_of([data for _, data in layers], log, height)
        cursor = -1 if view.cursor is None else self._cell(view.cursor)
        marks, named = (
            self._marks(scene, view.axis, width),
            [style for style, _ in layers if style < DIM],
        )
        canvas = self._plot.draw(layers, changed, span, size, glyphs, marks, cursor, named)
        top, *rest = self._rows_of(scene, view, canvas, span, hot)
        waits = not numbers and bool(self._shown) and view.cursor is None and self._hot == hot
        self._publish([_Row(self._shown[0], top.draw) if waits else top, *rest])
        self._hot = hot
        self._legend_waits = waits

    def _envelopes(self, curves: list[Curve]) -> tuple[list[tuple[int, Envelope]], int]:
        """The envelope of each curve, and the first column that may have changed in any of them."""
        order: list[object] = [(curve.style, curve.key) for curve in curves]
        if len(self._caches) > 64:
            self._caches.clear()
        caches = [self._caches.setdefault(key, EnvelopeCache()) for key in order]
        layers = [
            (curve.style, cache.update(curve.x, curve.y, self.window, curve.key))
            for curve, cache in zip(curves, caches, strict=True)
        ]
        same, self._order = order == self._order, order
        return layers, min((cache.changed for cache in caches), default=0) if same else 0

    def _cell(self, x: float) -> int:
        return self.window.column(x) // self.theme_styles.glyphs.across

    def _marks(self, scene: Scene, axis: str, width: int) -> list[PlacedMark]:
        placed = [
            (self._cell(mark_x(mark, axis, scene.data.start_time)), mark.kind, mark.label)
            for mark in scene.history.marks
        ]
        return [mark for mark in placed if 0 <= mark[0] < width]

    def _rows_of(
        self, scene: Scene, view: View, canvas: Canvas, span: Range, hot: bool
    ) -> list[_Row]:
        assert self.panel is not None
        self.values = legend_values(self.panel, scene, view)
        entries, cursor, axis = (
            legend_entries(self.panel, scene, self.values),
            view.cursor,
            view.axis,
        )
        notes = [word for word in ("log" if span.log else "", safe(self.panel.unit)) if word]
        title = safe(self.panel.title) + (f" ({', '.join(notes)})" if notes else "")
        labels, edge = (
            y_labels(span, canvas.height),
            self.theme_styles.selected if hot else self.theme_styles.frame,
        )

        def top() -> Strip:
            width = self.size.width
            words = legend(entries, cursor, axis, width - len(title) - 9, self.theme_styles)
            return to_strip(top_edge(title, words, width, self.theme_styles, hot), width, self.base)

        plot = [
            _Row(
                (labels.get(row), canvas.letters[row].tobytes(), canvas.styles[row].tobytes(), hot),
                lambda row=row: self._plot_strip(canvas, row, labels.get(row, ""), edge),  # type: ignore[misc]
            )
            for row in range(canvas.height)
        ]
        return [
            _Row((title, entries, cursor, axis, hot), top),
            *plot,
            _Row((self.window, axis, hot), lambda: self._bottom_strip(canvas.width, axis, edge)),
        ]

    def _publish(self, rows: list[_Row]) -> None:
        old, width = self._shown, self.size.width
        resized = len(self._strips) != len(rows) or self._strips[0].cell_length != width
        if resized:
            self._strips, old = [Strip.blank(width, self.base)] * len(rows), []
        self._shown = [row.key for row in rows]
        changed = [
            index for index, row in enumerate(rows) if index >= len(old) or old[index] != row.key
        ]
        for index in changed:
            self._strips[index] = rows[index].draw()
        if resized:
            self.refresh()
        elif changed:
            self.refresh(*(Region(0, index, width, 1) for index in changed))

    def _plot_strip(self, canvas: Canvas, row: int, label: str, edge: Style) -> Strip:
        base, side = self.base, self.theme_styles.glyphs.vertical
        tick = self.theme_styles.glyphs.tick if label else " "
        axis = [
            Segment(side, base + edge),
            Segment(f"{label:>{LABEL}}{tick}", base + self.theme_styles.muted),
        ]
        plot = [Segment(text, self._style(style)) for text, style in canvas.pieces(row)]
        return Strip([*axis, *plot, Segment(side, base + edge)], canvas.width + _AXIS + 2)

    def _bottom_strip(self, width: int, axis: str, edge: Style) -> Strip:
        """The lower edge with the numbers of the x axis in it."""
        left, right, bar = (
            self.theme_styles.glyphs.corners[2],
            self.theme_styles.glyphs.corners[3],
            self.theme_styles.glyphs.horizontal,
        )
        text = Text("").append(left + bar * _AXIS, edge)
        for empty, letters in groupby(
            x_labels(self.window, width, self.theme_styles.glyphs.across, axis),
            lambda letter: letter == "\0",
        ):
            word = "".join(letters)
            text.append(
                bar * len(word) if empty else word, edge if empty else self.theme_styles.muted
            )
        return to_strip(text.append(right, edge), self.size.width, self.base)

    def _style(self, number: int) -> Style:
        """The style of a curve or a sign on the widget's ground."""
        if number not in self._styles:
            self._styles[number] = self.base + self._bare_style(number)
        return self._styles[number]

    def _bare_style(self, number: int) -> Style:
        styles = self.theme_styles
        if number >= OVERLAY:
            return styles.muted
        if number >= DIM:
            return styles.raw_curve(number - DIM)
        return (
            styles.curve(number)
            if number >= 0
            else {TEXT: styles.text, MARK: styles.mark, FAULT: styles.bad, CURSOR: styles.strong}[
                number
            ]
        )

    def notify_style_update(self) -> None:
        self._styles = {}
        super().notify_style_update()

    def render_line(self, y: int) -> Strip:
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.base)

    def clear(self) -> None:
        """Nothing to draw here."""
        if self._strips:
            self.panel, self._strips, self._shown, self._shown_for = None, [], [], None
            self.refresh()

    def forget(self) -> None:
        """The look has changed: everything is drawn anew."""
        self._shown, self._styles, self._shown_for = [], {}, None

    def on_click(self) -> None:
        self.post_message(self.Picked(self))
