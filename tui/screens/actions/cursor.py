"""The cursor: one place on the x axis that all charts mark and whose values their legends show."""

from __future__ import annotations

from collections.abc import Mapping

from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.base import ChartActions, ChartScreen, Handler
from asgml.tui.terminal.app_protocol import app_of


class CursorActions(ChartActions):
    """Handlers that put the cursor on the charts, move it and take it away."""

    def __init__(self, view: View, screen: ChartScreen) -> None:
        super().__init__(view, screen)
        self._follows = False

    def handlers(self) -> Mapping[str, Handler]:
        return {"cursor": self.toggle}

    @property
    def follows_pointer(self) -> bool:
        """True while the cursor moves with the mouse: until something else places it."""
        return self._follows and self._view.cursor is not None

    @follows_pointer.setter
    def follows_pointer(self, follows: bool) -> None:
        self._follows = follows

    def toggle(self) -> None:
        if self._view.cursor is not None:
            self._view.cursor = None
        else:
            self.put(self._last_x())
            self._follows = True
        self._screen.draw()

    def put(self, x: float) -> None:
        """Put the cursor at `x` and bring that place into the window."""
        self._view.cursor, self._follows = max(x, 0.0), False
        chart = self._screen.selected_chart()
        if chart is not None and not chart.window.start <= x < chart.window.end:
            self._view.start = max(x - (chart.window.end - chart.window.start) / 2, 0.0)

    def move(self, cells: int) -> None:
        """Move the cursor by so many columns of the terminal, at most to the newest data."""
        chart = self._screen.selected_chart()
        if chart is not None and self._view.cursor is not None:
            # a column of the terminal holds as many buckets as its glyphs have dots side by side
            cell = chart.window.bucket * app_of(self._screen.app).theme_styles.glyphs.across
            self.put(min(self._view.cursor + cells * cell, self._last_x()))
            self._screen.draw()

    def _last_x(self) -> float:
        reach = self._screen.reach()
        return 0.0 if reach is None else reach[1]
