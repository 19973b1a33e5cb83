"""The chart: curves of one panel in braille, with interventions, faults, a cursor and a legend."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from tui.format import duration, number, safe, short_count
from tui.panels import Line, Panel
from tui.plot.canvas import CURSOR, FAULT, MARK, TEXT, Canvas
from tui.plot.envelopes import Envelope, EnvelopeCache, Floats
from tui.plot.ranges import Range, nice_range, nice_tick
from tui.plot.raster import draw, scale
from tui.plot.windows import Window, window_for
from tui.scene import Scene
from tui.story import Mark
from tui.view import View
from tui.widgets.lines import Box, to_strip, top_edge

_AXIS = 6
"""Cells for the labels of the y axis."""
_DIM, _OVERLAY = 100, 200
"""Added to a line's colour: raw values under the smoothed curve; the other run."""


@dataclass(frozen=True)
class _Layer:
    """One curve to draw: the id of its style, its values, and the key its envelope is kept under."""

    style: int
    x: Floats
    y: Floats
    key: tuple[object, ...]


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
        self._strips: list[Strip] = []
        self._shown: list[object] = []
        self._canvas: Canvas | None = None
        self._canvas_key: object = None
        self._data: list[tuple[int, Envelope]] = []

    @property
    def plot_size(self) -> tuple[int, int]:
        """Cells across and down for the curves."""
        return max(self.size.width - _AXIS - 2, 0), max(self.size.height - 2, 0)

    def draw_panel(self, scene: Scene, panel: Panel, view: View, number: int, hot: bool) -> None:
        """Shows a panel of a scene as the view asks."""
        width, height = self.plot_size
        if width < 4 or height < 1:
            return
        if self.panel is None or self.panel.title != panel.title:
            self._caches.clear()
        self.panel = panel
        self.window = self._window(scene, view, width)
        log = view.log(panel.title, panel.log)
        layers = self._layers(scene, view)
        data = [(layer.style, self._envelope(layer)) for layer in layers]
        span = _range_of([envelope for _, envelope in data], log, height)
        self._publish(self._all_rows(scene, view, self._canvas_of(scene, view, data, span), span, number, hot))

    def _canvas_of(self, scene: Scene, view: View, data: list[tuple[int, Envelope]], span: Range) -> Canvas:
        """The plot; the one drawn last where nothing in it has changed, as in charts of rare numbers."""
        width, height = self.plot_size
        marks, cursor = self._mark_columns(scene, view.axis), -1 if view.cursor is None else self._cell(view.cursor)
        same_data = len(data) == len(self._data) and all(new[1] is old[1] for new, old in zip(data, self._data, strict=True))
        key = (span, width, height, marks, cursor, self.look.glyphs.name, [style for style, _ in data])
        if self._canvas is None or not same_data or key != self._canvas_key:
            canvas = Canvas(draw(data, span, width, height, self.look.glyphs), self.look.glyphs)
            canvas.add_markers([style for style, _ in data if style < _DIM])
            canvas.add_faults()
            canvas.add_marks(marks)
            canvas.add_cursor(cursor)
            self._canvas, self._canvas_key, self._data = canvas, key, data
        return self._canvas

    def _window(self, scene: Scene, view: View, width: int) -> Window:
        reach = [values for table in scene.tables if len(values := scene.x(table, view.axis))]
        if scene.overlay is not None:
            reach += [values for table in scene.overlay.tables if len(values := scene.overlay.x(table, view.axis))]
        first = min((float(values[0]) for values in reach), default=0.0)
        last = max((float(values[-1]) for values in reach), default=1.0)
        return window_for(first, last, width * self.look.glyphs.across, view.zoom, view.start)

    def _layers(self, scene: Scene, view: View) -> list[_Layer]:
        """Curves from the top down: smoothed, raw, the other run."""
        assert self.panel is not None
        top, beneath, other = [], [], []
        for line in self.panel.lines:
            cut = scene.table(line.table)
            if line.column in cut:
                x, raw = scene.x(line.table, view.axis), cut.column(line.column)
                smooth = scene.smoothed.get(line.column)
                key = (line.column, view.axis, cut.signature)
                top.append(_Layer(line.colour, x, raw if smooth is None else smooth, (*key, None if smooth is None else view.smoothing)))
                if smooth is not None:
                    beneath.append(_Layer(line.colour + _DIM, x, raw, (*key, "raw")))
            other += self._other_layer(scene, view, line)
        return [*top, *beneath, *other]

    def _other_layer(self, scene: Scene, view: View, line: Line) -> list[_Layer]:
        other = scene.overlay
        if other is None or line.table not in other.tables or line.column not in other.tables[line.table]:
            return []
        raw = other.tables[line.table].column(line.column)
        return [
            _Layer(
                line.colour + _OVERLAY,
                other.x(line.table, view.axis),
                other.smoothed.get(line.column, raw),
                (other.name, line.column, view.axis, view.smoothing),
            )
        ]

    def _envelope(self, layer: _Layer) -> Envelope:
        cache = self._caches.setdefault((layer.style, layer.key), EnvelopeCache())
        if len(self._caches) > 64:
            self._caches.clear()
        return cache.update(layer.x, layer.y, self.window, layer.key)

    def _cell(self, x: float) -> int:
        return self.window.column(x) // self.look.glyphs.across

    def _mark_columns(self, scene: Scene, axis: str) -> list[tuple[int, str, str]]:
        width = self.plot_size[0]
        placed = [(self._cell(_mark_x(mark, axis, scene.zero)), mark.kind, mark.label) for mark in scene.marks]
        return [mark for mark in placed if 0 <= mark[0] < width]

    def _all_rows(self, scene: Scene, view: View, canvas: Canvas, span: Range, number: int, hot: bool) -> list[_Row]:
        """Every row with a key that tells whether it changed, and a function that draws it."""
        top, labels, below = self._top(scene, view, span, number, hot), _y_labels(span, canvas.height), self._x_labels(view)
        edge = self.look.selected if hot else self.look.frame
        plot = [
            _Row(
                (labels.get(row), canvas.letters[row].tobytes(), canvas.styles[row].tobytes(), hot),
                lambda row=row: self._plot_strip(canvas, row, labels.get(row, ""), edge),  # type: ignore[misc]
            )
            for row in range(canvas.height)
        ]
        return [
            _Row((top.plain, tuple(top.spans)), lambda: to_strip(top, self.size.width, self.rich_style)),
            *plot,
            _Row((below, hot), lambda: self._bottom_strip(below, edge)),
        ]

    def _publish(self, rows: list[_Row]) -> None:
        old, width = self._shown, self.size.width
        resized = len(self._strips) != len(rows) or self._strips[0].cell_length != width
        if resized:
            self._strips, old = [Strip.blank(width, self.rich_style)] * len(rows), []
        self._shown = [row.key for row in rows]
        changed = [index for index, row in enumerate(rows) if index >= len(old) or old[index] != row.key]
        for index in changed:
            self._strips[index] = rows[index].draw()
        if resized:
            self.refresh()
        elif changed:
            self.refresh(*(Region(0, index, width, 1) for index in changed))

    def _top(self, scene: Scene, view: View, span: Range, number: int, hot: bool) -> Text:
        assert self.panel is not None
        notes = [word for word in ("log" if span.log else "", safe(self.panel.unit)) if word]
        title = f"{number} {safe(self.panel.title)}" + (f" ({', '.join(notes)})" if notes else "")
        return top_edge(title, self._legend(scene, view, self.size.width - len(title) - 9), self.size.width, self.look, hot)

    def _plot_strip(self, canvas: Canvas, row: int, label: str, edge: Style) -> Strip:
        base, side = self.rich_style, self.look.glyphs.vertical
        tick = self.look.glyphs.tick if label else " "
        axis = [Segment(side, base + edge), Segment(f"{label:>{_AXIS - 1}}{tick}", base + self.look.muted)]
        plot = [Segment(text, base + self._style(style)) for text, style in canvas.pieces(row)]
        return Strip([*axis, *plot, Segment(side, base + edge)]).adjust_cell_length(self.size.width, base)

    def _bottom_strip(self, labels: str, edge: Style) -> Strip:
        """The lower edge with the numbers of the x axis in it."""
        left, right, bar = self.look.glyphs.corners[2], self.look.glyphs.corners[3], self.look.glyphs.horizontal
        text = Text("").append(left + bar * _AXIS, edge)
        for letter in labels:
            text.append(bar if letter == "\0" else letter, edge if letter == "\0" else self.look.muted)
        return to_strip(text.append(right, edge), self.size.width, self.rich_style)

    def _style(self, number: int) -> Style:
        look = self.look
        if number >= _OVERLAY:
            return look.muted
        if number >= _DIM:
            return look.faint(number - _DIM)
        return look.line(number) if number >= 0 else {TEXT: look.text, MARK: look.mark, FAULT: look.bad, CURSOR: look.strong}[number]

    def _legend(self, scene: Scene, view: View, room: int) -> Text:
        """Marker, label and value of each curve: the newest, or the one under the cursor. Words give way where room is short."""
        assert self.panel is not None
        self.values = {line.column: self._value(scene, view, line) for line in self.panel.lines if line.column in scene.table(line.table)}
        lines = [line for line in self.panel.lines if line.column in self.values and self._is_known(scene, line)]
        for labelled, valued in ((True, True), (False, True), (True, False), (False, False)):
            legend = Text("  ").join([self._entry(line, labelled, valued) for line in lines])
            if view.cursor is not None and valued:
                legend.append(f"  @ {_x_text(view.cursor, view.axis, exact=True)}", self.look.strong)
            if legend.cell_len <= room:
                return legend
        return Text("")

    def _is_known(self, scene: Scene, line: Line) -> bool:
        return any(row.column == line.column for row in scene.rows)

    def _entry(self, line: Line, labelled: bool, valued: bool) -> Text:
        value = self.values[line.column]
        words = [self.look.marker(line.colour), safe(line.label) if labelled else "", number(value) if valued else ""]
        return Text(" ".join(word for word in words if word), self.look.line(line.colour))

    def _value(self, scene: Scene, view: View, line: Line) -> float:
        """The newest value, or the one at the cursor; where a curve is smoothed, that of the curve. A NaN is shown as it is."""
        raw, x = scene.table(line.table).column(line.column), scene.x(line.table, view.axis)
        row = len(x) - 1 if view.cursor is None else int(np.searchsorted(x, view.cursor, side="right")) - 1
        if line.table == "epochs" and view.cursor is None:
            row = int(max(np.flatnonzero(np.isfinite(raw)), default=-1))
        if row < 0:
            return math.nan
        smooth = scene.smoothed.get(line.column)
        return float(raw[row]) if smooth is None else float(smooth[row])

    def _x_labels(self, view: View) -> str:
        """Readable numbers centred on their columns; NUL where the edge shows."""
        width = self.plot_size[0]
        tick = _x_tick(self.window.end - self.window.start, width, view.axis)
        room, taken = ["\0"] * width, 0
        for index in range(math.ceil(self.window.start / tick), math.floor(self.window.end / tick) + 1):
            text = f" {_x_text(index * tick, view.axis)} "
            place = max(self._cell(index * tick) - len(text) // 2, 0)
            if place >= taken and place + len(text) <= width:
                room[place : place + len(text)] = text
                taken = place + len(text) + 1
        return "".join(room)

    def render_line(self, y: int) -> Strip:
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def clear(self) -> None:
        """Nothing to draw here."""
        if self._strips:
            self.panel, self._strips, self._shown = None, [], []
            self.refresh()

    def forget(self) -> None:
        """The look has changed: everything is drawn anew."""
        self._shown = []

    def on_click(self) -> None:
        self.post_message(self.Picked(self))


@dataclass(frozen=True)
class _Row:
    key: object
    draw: Callable[[], Strip]


def _range_of(data: list[Envelope], log: bool, height: int) -> Range:
    """The y range of everything that can be seen."""
    probe = Range(0.0, 1.0, 1.0, log)
    lows = [float(np.nanmin(values)) for envelope in data if np.isfinite(values := scale(envelope.low, probe)).any()]
    highs = [float(np.nanmax(values)) for envelope in data if np.isfinite(values := scale(envelope.high, probe)).any()]
    return nice_range(min(lows, default=math.nan), max(highs, default=math.nan), log, most=max(min(height // 2, 5), 1))


def _y_labels(span: Range, height: int) -> dict[int, str]:
    """Row → label. The topmost and lowest tick stand on the first and last row."""
    labels: dict[int, str] = {}
    for tick in span.ticks():
        row = min(int((span.high - tick) / (span.high - span.low) * height), height - 1)
        labels.setdefault(row, span.label(tick)[: _AXIS - 1])
    return labels


def _mark_x(mark: Mark, axis: str, zero: float) -> float:
    return mark.wall_time - zero if axis == "wall_time" else float(getattr(mark, axis))


_NICE_SECONDS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400)


def _x_tick(span: float, width: int, axis: str) -> float:
    tick = nice_tick(span, max(width // 9, 1))
    if axis == "step":
        return max(tick, 1.0)
    return next((float(nice) for nice in _NICE_SECONDS if nice >= tick), tick)


def _x_text(value: float, axis: str, exact: bool = False) -> str:
    if axis == "step":
        return f"step {value:.0f}" if exact else short_count(value)
    return duration(value)
