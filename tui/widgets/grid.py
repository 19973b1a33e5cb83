"""The grid of charts: as many as fit, the rest on further pages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Container

from asgml.tui.scene.panels import Panel
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.widgets.chart import Chart
from asgml.tui.widgets.plot_box import PlotBox

_MOST = 12
"""The most charts on a page."""
_MIN_WIDTH, _MIN_HEIGHT = 38, 7
"""Cells that a chart needs to be readable."""


class PlotGrid(Container):
    """The pages of charts; the selected one is on the page that is shown."""

    DEFAULT_CSS = "PlotGrid { layout: grid; height: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.shape = (0, 0)

    @abstractmethod
    def make_plot(self, id: str) -> PlotBox:
        """Return a new chart for one place of the grid."""

    def compose(self) -> ComposeResult:
        for number in range(_MOST):
            yield self.make_plot(f"chart{number}")

    @property
    def plots(self) -> list[PlotBox]:
        """The charts of all places, also of those that are not shown."""
        return list(self.query(PlotBox))

    @property
    def per_page(self) -> int:
        """The number of charts on a page, at least 1."""
        return max(self.shape[0] * self.shape[1], 1)

    def first_of_page(self, selected: int) -> int:
        """Return the number of the first chart on the page with the selected one."""
        return page_of(selected, self.per_page) * self.per_page

    def forget(self) -> None:
        """Forget what was drawn in the styles of another theme."""
        for chart in self.plots:
            chart.forget()

    def choose_shape(self, panels: int, solo: bool) -> None:
        """Choose columns and rows for the room there is; `solo`: one chart."""
        shape = best_shape(self.size.width, self.size.height, 1 if solo else panels)
        if shape == self.shape or not self.size.area:
            return
        self.shape = shape
        self.styles.grid_size_columns, self.styles.grid_size_rows = shape
        for place, chart in enumerate(self.plots):
            chart.display = place < shape[0] * shape[1]


class ChartGrid(PlotGrid):
    """The charts of one run."""

    def make_plot(self, id: str) -> PlotBox:
        return Chart(id=id)

    def show_scene(
        self, scene: Scene, panels: Sequence[Panel], view: View, numbers: bool = True
    ) -> None:
        """Draw the page with the selected chart. Without `numbers` the legends wait."""
        first = self.first_of_page(view.selected)
        charts = [chart for chart in self.query(Chart).results(Chart) if chart.display]
        for number, chart in enumerate(charts, first):
            if number < len(panels):
                selected = number == view.selected and len(panels) > 1 and not view.solo
                chart.draw_panel(scene, panels[number], view, selected, numbers)
            else:
                chart.clear()


def page_of(selected: int, per_page: int) -> int:
    """Return the page of a chart, the first one is 0."""
    return selected // max(per_page, 1)


def best_shape(width: int, height: int, panels: int) -> tuple[int, int]:
    """Return columns and rows: as many charts as stay readable, no more than there are panels."""
    columns, rows = max(width // _MIN_WIDTH, 1), max(height // _MIN_HEIGHT, 1)
    while columns * rows > _MOST:
        columns, rows = (columns - 1, rows) if columns > rows else (columns, rows - 1)
    columns = min(columns, max(panels, 1))
    return columns, min(rows, -(-max(panels, 1) // columns))
