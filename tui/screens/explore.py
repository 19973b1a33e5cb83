"""What keys do to the view: charts, axes, zoom, cursor. Nothing here reaches the training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgml.tui.scene.panels import Panel, matching
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import MOST_ZOOM, View
from asgml.tui.screens.base import ScreenPart
from asgml.tui.widgets.chart import Chart
from asgml.tui.widgets.grid import ChartGrid, page_of

if TYPE_CHECKING:
    from asgml.tui.session.session import Session


class Exploring(ScreenPart):
    """Keys of the group `charts`."""

    if TYPE_CHECKING:
        session: Session
        scene: Scene
        view: View

    @property
    def panels(self) -> list[Panel]:
        return matching(self.scene.panels, self.view.filter_text)

    @property
    def grid(self) -> ChartGrid:
        return self.query_one(ChartGrid)

    def chart(self) -> Chart | None:
        """The selected chart, if it is on the screen."""
        place = 0 if self.view.solo else self.view.selected % self.grid.per_page
        charts = list(self.grid.query(Chart))
        return charts[place] if place < len(charts) and charts[place].panel is not None else None

    # choosing

    def select(self, number: int) -> None:
        self.view.selected = min(max(number, 0), max(len(self.panels) - 1, 0))
        self.draw()

    def do_left(self) -> None:
        self._move(-1, 0)

    def do_right(self) -> None:
        self._move(1, 0)

    def do_up(self) -> None:
        self._move(0, -1)

    def do_down(self) -> None:
        self._move(0, 1)

    def _move(self, columns: int, rows: int) -> None:
        if self.view.cursor is not None and columns:
            self._move_cursor(columns)
        else:
            self.select(self.view.selected + columns + rows * max(self.grid.shape[0], 1))

    def do_next_chart(self) -> None:
        self.select((self.view.selected + 1) % max(len(self.panels), 1))

    def do_previous_chart(self) -> None:
        self.select((self.view.selected - 1) % max(len(self.panels), 1))

    def do_next_page(self) -> None:
        per_page = self.grid.per_page
        self.select(
            min((page_of(self.view.selected, per_page) + 1) * per_page, len(self.panels) - 1)
        )

    def do_previous_page(self) -> None:
        per_page = self.grid.per_page
        self.select((page_of(self.view.selected, per_page) - 1) * per_page)

    def solo(self, on: bool) -> None:
        self.view.solo = on
        self.set_class(on, "solo")
        self.draw()

    # axes and windows

    def do_x_axis(self) -> None:
        self.view.next_axis()
        self.draw()

    def do_log_y(self) -> None:
        if self.view.selected < len(self.panels):
            self.view.flip_log(self.panels[self.view.selected].title)
            self.draw()

    def do_smooth_more(self) -> None:
        self._smooth(1)

    def do_smooth_less(self) -> None:
        self._smooth(-1)

    def do_smooth_none(self) -> None:
        self._smooth(-100)

    def _smooth(self, steps: int) -> None:
        self.session.smooth(self.view.smooth(steps))
        self.draw()

    def do_zoom_in(self) -> None:
        self._zoom(1)

    def do_zoom_out(self) -> None:
        self._zoom(-1)

    def _zoom(self, steps: int) -> None:
        """Around the cursor where there is one, else around the middle of a held window; a following one keeps following."""
        view, chart = self.view, self.chart()
        zoom = min(max(view.zoom + steps, 0), MOST_ZOOM)
        if (
            chart is not None
            and zoom != view.zoom
            and (view.cursor is not None or view.start is not None)
        ):
            span = (chart.window.end - chart.window.start) / 2.0 ** (zoom - view.zoom)
            middle = (
                view.cursor
                if view.cursor is not None
                else (chart.window.start + chart.window.end) / 2
            )
            view.start = max(middle - span / 2, 0.0)
        view.zoom = zoom
        if zoom == 0:
            view.start = None
        self.draw()

    def do_pan_back(self) -> None:
        self._pan(-1)

    def do_pan_on(self) -> None:
        self._pan(1)

    def _pan(self, direction: int) -> None:
        chart = self.chart()
        if chart is not None:
            window = chart.window
            self.view.start = max(window.start + direction * (window.end - window.start) / 4, 0.0)
            self.draw()

    def do_follow(self) -> None:
        self.view.start = None
        self.draw()

    def do_reset(self) -> None:
        self.view.reset()
        self.draw()

    # cursor

    def do_cursor(self) -> None:
        if self.view.cursor is not None:
            self.view.cursor = None
        else:
            self.put_cursor(self._last_x())
        self.draw()

    def put_cursor(self, x: float) -> None:
        """Puts the cursor on all charts at `x` and brings the place into the window."""
        self.view.cursor = max(x, 0.0)
        chart = self.chart()
        if chart is not None and not chart.window.start <= x < chart.window.end:
            self.view.start = max(x - (chart.window.end - chart.window.start) / 2, 0.0)

    def _move_cursor(self, cells: int) -> None:
        chart = self.chart()
        if chart is not None and self.view.cursor is not None:
            cell = chart.window.bucket * self.host.theme_styles.glyphs.across
            self.put_cursor(min(self.view.cursor + cells * cell, self._last_x()))
            self.draw()

    def _last_x(self) -> float:
        reach = self.scene.data.reach(self.view.axis)
        return 0.0 if reach is None else reach[1]
