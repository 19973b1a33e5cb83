"""The comparison of runs: charts with a colour for each run or group, and tables beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical

from asgml.tui.keys.row import COMPARISON
from asgml.tui.keys.table import bindings_for
from asgml.tui.messages import ComparisonChanged, Notification
from asgml.tui.scene.comparison import reach_of
from asgml.tui.scene.comparison_view import ComparisonView
from asgml.tui.scene.panels import Panel, matching
from asgml.tui.screens.actions.comparison import ComparisonActions
from asgml.tui.screens.comparison_drawing import draw_tables
from asgml.tui.screens.framed import HEIGHTS, WIDTHS, FramedScreen
from asgml.tui.session.comparison_session import ComparisonSession
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.widgets.bars import KeyBar
from asgml.tui.widgets.box import Box
from asgml.tui.widgets.comparison_chart import ComparisonChart, ComparisonGrid
from asgml.tui.widgets.comparison_head import ComparisonHead
from asgml.tui.widgets.grid import page_of
from asgml.tui.widgets.plot_box import PlotBox


class ComparisonScreen(FramedScreen):
    """Two to eight runs or groups of runs. Its keys are run by `ComparisonActions`.

    `paths`: directories of runs; runs that differ in their seed alone make a group. `folder`: the
    names of runs are relative to it. `metric`: what the statistics are about.
    """

    CSS_PATH = "comparison.tcss"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(COMPARISON)

    def __init__(
        self,
        paths: Sequence[Path],
        folder: Path,
        *,
        metric: str | None = None,
        interval: float = 0.25,
    ) -> None:
        super().__init__()
        self.view = ComparisonView()
        self.session = ComparisonSession(
            paths,
            folder,
            self.post_message,
            metric=metric,
            interval=interval,
            smoothing=self.view.smoothing,
        )
        self.comparison = self.session.latest
        self.actions = ComparisonActions(self.session, self.view, self)

    def compose(self) -> ComposeResult:
        yield ComparisonHead()
        with Container(id="body"):
            yield ComparisonGrid(id="charts")
            with Vertical(id="tables"):
                yield Box("settings that differ", id="settings")
                yield Box("values", id="values")
                yield Box("statistics", id="statistics")
        yield KeyBar()

    def on_mount(self) -> None:
        self.draw()
        # the first frame is painted before zarr is imported
        self.call_after_refresh(self.session.start)

    def on_unmount(self) -> None:
        self.session.close()

    def on_plot_mouse_pointed(self, message: PlotBox.Pointed) -> None:
        self.actions.pointer.act(message)

    def on_comparison_head_picked(self, message: ComparisonHead.Picked) -> None:
        self.action_do(f"hide_{message.place + 1}")

    def on_comparison_changed(self, message: ComparisonChanged) -> None:
        before, self.comparison = self.panels, message.comparison
        self.actions.selection.keep_selected(before)
        self.draw()

    def on_notification(self, message: Notification) -> None:
        self.show_message(message.text, message.severity)

    def action_do(self, id: str) -> None:
        """Run a row of the table of keys: every key of it arrives here."""
        self.actions.run(id)

    # drawing

    def draw_frame(self) -> None:
        self.set_class(self.view.cursor is not None, "cursor")
        with self.app.batch_update():
            self._draw_charts()
            draw_tables(self, self.comparison, self.panels, self.view)
            pages = -(-len(self.panels) // self.grid.per_page)
            page = page_of(self.view.selected, self.grid.per_page)
            self.query_one(ComparisonHead).show_comparison(self.comparison, self.view, page, pages)
            labels = {"open": "all charts"} if self.view.solo else {}
            self.query_one(KeyBar).show_keys(COMPARISON, labels, True, app_of(self.app).mapped)

    def _draw_charts(self) -> None:
        view, panels = self.view, self.panels
        view.selected = min(view.selected, max(len(panels) - 1, 0))
        narrow = any(self.has_class(name) for name in ("-narrow", "-sliver"))
        self.grid.choose_shape(len(panels), view.solo or narrow)
        self.grid.show_comparison(self.comparison, panels, view)

    def restyle(self) -> None:
        """Draw everything anew: the theme has changed."""
        for chart in self.query(PlotBox):
            chart.forget()
        self.draw()

    # what the handlers of keys use

    keys_of = COMPARISON

    @property
    def panels(self) -> list[Panel]:
        panels = self.view.arranged(list(self.comparison.panels))
        return matching(panels, self.view.filter_text)

    @property
    def grid(self) -> ComparisonGrid:
        return self.query_one(ComparisonGrid)

    def selected_chart(self) -> PlotBox | None:
        """Return the selected chart, None while it is not on the screen."""
        place = 0 if self.view.solo else self.view.selected % self.grid.per_page
        charts = list(self.grid.query(ComparisonChart).results(ComparisonChart))
        return charts[place] if place < len(charts) and charts[place].panel is not None else None

    def reach(self) -> tuple[float, float] | None:
        return reach_of(self.comparison.shown(self.view.hidden), self.view.axis)

    def smooth(self, weight: float) -> None:
        self.session.smooth(weight)

    def leave(self) -> None:
        """Go back to the screen that this one was opened from, if there is one."""
        # below lies Textual's own blank screen, and perhaps the one that this was opened from
        if len(self.app.screen_stack) > 2:
            self.dismiss()

    def set_solo(self, on: bool) -> None:
        self.view.solo = on
        self.set_class(on, "solo")
        self.draw()
