"""The window of the charts: axes, smoothing, zoom, panning, following the newest data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from asgml.tui.scene.view_state import MOST_ZOOM
from asgml.tui.screens.actions.base import ChartActions, Handler
from asgml.tui.widgets.plot_box import PlotBox

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

    def _zoom(self, steps: int) -> None:
        """Zoom around the cursor, else around the middle of a held window.

        A window that follows the newest data keeps following.
        """
        view, chart = self._view, self._screen.selected_chart()
        zoom = min(max(view.zoom + steps, 0), MOST_ZOOM)
        if chart is not None and zoom != view.zoom:
            self._keep_middle(chart, zoom - view.zoom)
        view.zoom = zoom
        if zoom == 0:
            view.start = None
        self._screen.draw()

    def _keep_middle(self, chart: PlotBox, steps: int) -> None:
        """Start the window so that its middle, or the cursor, stays where it is."""
        view, window = self._view, chart.window
        if view.cursor is not None:
            middle = view.cursor
        elif view.start is not None:
            middle = (window.start + window.end) / 2
        else:
            return
        # each step of zoom halves the window
        width = (window.end - window.start) / 2.0**steps
        view.start = max(middle - width / 2, 0.0)

    def _pan(self, direction: int) -> None:
        chart = self._screen.selected_chart()
        if chart is not None:
            window = chart.window
            # a quarter: three quarters of the curve stay in sight
            quarter = (window.end - window.start) / 4
            self._view.start = max(window.start + direction * quarter, 0.0)
            self._screen.draw()

    def _follow(self) -> None:
        self._view.start = None
        self._screen.draw()

    def _reset(self) -> None:
        self._view.reset()
        self._screen.draw()
