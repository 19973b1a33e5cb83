"""The mouse on charts: a click places the cursor, the wheel zooms where it points, a drag pans."""

from __future__ import annotations

from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.base import ChartScreen
from asgml.tui.screens.actions.cursor import CursorActions
from asgml.tui.screens.actions.selection import SelectionActions
from asgml.tui.screens.actions.window import WindowActions
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.widgets.plot_mouse import PlotMouse


class PointerActions:
    """What the mouse does on the charts of a screen, by the same changes of the view as the keys.

    The cursor follows the pointer once a key has shown it, until a click or a key places it.
    """

    def __init__(
        self,
        view: View,
        screen: ChartScreen,
        selection: SelectionActions,
        cursor: CursorActions,
        window: WindowActions,
    ) -> None:
        self._view, self._screen = view, screen
        self._selection, self._cursor, self._window = selection, cursor, window

    def act(self, message: PlotMouse.Pointed) -> None:
        """Do what a gesture on a chart means."""
        x = message.x
        if message.gesture == "click":
            plots: list[PlotMouse] = [*self._screen.grid.plots]
            self._selection.select_on_page(plots.index(message.chart))
            if x is not None:
                self._place(x, follows=False)
        elif message.gesture == "hover" and x is not None and self._cursor.follows_pointer:
            self._place(x, follows=True)
        elif message.gesture == "zoom" and x is not None:
            self._window.zoom_at(message.chart.window, message.amount, x)
        elif message.gesture == "pan" and self._view.zoom:
            cell = message.chart.window.bucket * app_of(self._screen.app).theme_styles.glyphs.across
            self._window.pan_by(message.chart.window, -message.amount * cell)

    def _place(self, x: float, follows: bool) -> None:
        reach = self._screen.reach()
        if reach is not None:
            self._cursor.put(min(x, reach[1]))
            self._cursor.follows_pointer = follows
            self._screen.draw()
