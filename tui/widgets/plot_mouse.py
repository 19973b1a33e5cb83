"""The mouse on a plot: places on its x axis that are clicked, pointed at, zoomed or dragged."""

from __future__ import annotations

from typing import Literal

from textual import events
from textual.message import Message

from asgml.tui.plot.windows import Window
from asgml.tui.widgets.box import Box
from asgml.tui.widgets.chart_strips import AXIS

Gesture = Literal["click", "hover", "zoom", "pan"]


class PlotMouse(Box):
    """A plot that tells what the mouse does on it. A drag is no click."""

    class Pointed(Message):
        """The mouse on a plot; `x` is None beside the curves.

        `amount`: steps of zoom, in or, below zero, out; cells that were dragged, to the right.
        """

        def __init__(
            self, chart: PlotMouse, gesture: Gesture, x: float | None, amount: int = 0
        ) -> None:
            super().__init__()
            self.chart, self.gesture, self.x, self.amount = chart, gesture, x, amount

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.window = Window(0.0, 1.0, 1)
        self._pointed_cell = -1
        self._dragged_from: int | None = None
        self._was_dragged = False

    def x_at(self, cell: int) -> float | None:
        """Return the x value in the middle of a cell of the widget, None beside the curves."""
        across = self.theme_styles.glyphs.across
        column = (cell - AXIS - 1) * across
        if not 0 <= column < self.window.columns:
            return None
        return self.window.start + (column + across / 2) * self.window.bucket

    def on_click(self, event: events.Click) -> None:
        if self._was_dragged:
            self._was_dragged = False
            return
        inside = 0 < event.y < self.size.height - 1
        self.post_message(self.Pointed(self, "click", self.x_at(event.x) if inside else None))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._was_dragged = False
        if event.button == 1 and self.x_at(event.x) is not None:
            self._dragged_from = event.x
            self.capture_mouse()

    def on_mouse_up(self) -> None:
        self._dragged_from = None
        self.release_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragged_from is not None:
            cells, self._dragged_from = event.x - self._dragged_from, event.x
            if cells:
                self._was_dragged = True
                self.post_message(self.Pointed(self, "pan", self.x_at(event.x), cells))
        elif event.x != self._pointed_cell:
            self._pointed_cell = event.x
            self.post_message(self.Pointed(self, "hover", self.x_at(event.x)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._zoom(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._zoom(event, -1)

    def _zoom(self, event: events.MouseEvent, steps: int) -> None:
        event.stop()
        self.post_message(self.Pointed(self, "zoom", self.x_at(int(event.x)), steps))
