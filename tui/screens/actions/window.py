"""The window of the charts: axes, smoothing, zoom, panning, following the newest data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from asgml.tui.plot.windows import Window
from asgml.tui.scene.view_state import MOST_ZOOM
from asgml.tui.screens.actions.base import ChartActions, Handler

_TO_NONE = -100
"""More steps down than there are smoothings."""


class WindowActions(ChartActions):
    """Handlers that change the stretch of the data the charts show, and its axes."""

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "x_axis": self._next_axis,
            "log_y": self._flip_log,
            "smooth_more": partial(self._smooth, 1),
            "smooth_less": partial(self._smooth, -1),
            "smooth_none": partial(self._smooth, _TO_NONE),
            "zoom_in": partial(self._zoom, 1),
            "zoom_out": partial(self._zoom, -1),
            "pan_back": partial(self._pan, -1),
            "pan_on": partial(self._pan, 1),
            "follow": self._follow,
            "reset": self._reset,
        }

    def _next_axis(self) -> None:
        self._view.next_axis()
        self._screen.draw()

    def _flip_log(self) -> None:
        panels, selected = self._screen.panels, self._view.selected
        if selected < len(panels):
            self._view.flip_log(panels[selected].title)
            self._screen.draw()

    def _smooth(self, steps: int) -> None:
        self._screen.smooth(self._view.smooth(steps))
        self._screen.draw()

    def zoom_at(self, window: Window, steps: int, x: float) -> None:
        """Zoom so that `x` stays where it is."""
        zoom = min(max(self._view.zoom + steps, 0), MOST_ZOOM)
        # each step of zoom halves the window
        share = 2.0 ** (self._view.zoom - zoom)
        self._view.zoom = zoom
        self._view.start = max(x - (x - window.start) * share, 0.0) if zoom else None
        self._screen.draw()

    def pan_by(self, window: Window, distance: float) -> None:
        """Move the window, at most to where the newest data is its first."""
        reach = self._screen.reach()
        most = window.start if reach is None else reach[1]
        self._view.start = min(max(window.start + distance, 0.0), most)
        self._screen.draw()

    def _zoom(self, steps: int) -> None:
        """Zoom around the cursor, else around the middle of a held window.

        A window that follows the newest data keeps following.
        """
        view, chart = self._view, self._screen.selected_chart()
        if chart is not None and (view.cursor is not None or view.start is not None):
            window = chart.window
            middle = (window.start + window.end) / 2
            cursor = middle if view.cursor is None else view.cursor
            inside = window.start <= cursor < window.end
            self.zoom_at(window, steps, cursor if inside else middle)
            return
        view.zoom = min(max(view.zoom + steps, 0), MOST_ZOOM)
        self._screen.draw()

    def _pan(self, direction: int) -> None:
        chart = self._screen.selected_chart()
        if chart is not None:
            # a quarter: three quarters of the curve stay in sight
            self.pan_by(chart.window, direction * (chart.window.end - chart.window.start) / 4)

    def _follow(self) -> None:
        self._view.start = None
        self._screen.draw()

    def _reset(self) -> None:
        self._view.reset()
        self._screen.draw()
