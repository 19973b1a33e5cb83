"""The main screen: lays the widgets out and draws scenes, live or replayed alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from asgml.storage.runs.record import RunRecord
from asgml.tui.scene.panels import Panel, matching
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.key_actions import KeyActions
from asgml.tui.screens.drawing import SceneDrawing
from asgml.tui.screens.framed import HEIGHTS, WIDTHS, FramedScreen
from asgml.tui.screens.pacing import NumbersPacing
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.widgets.balance import BalancePanel
from asgml.tui.widgets.bars import KeyBar, TransportBar
from asgml.tui.widgets.box import ListBox
from asgml.tui.widgets.chart import Chart
from asgml.tui.widgets.chips import Chips
from asgml.tui.widgets.events import EventLog
from asgml.tui.widgets.grid import ChartGrid
from asgml.tui.widgets.knobs import Knobs
from asgml.tui.widgets.notice import Notice
from asgml.tui.widgets.runs import Runs
from asgml.tui.widgets.status import Status
from asgml.tui.widgets.system import System
from asgml.tui.widgets.values import Values

if TYPE_CHECKING:
    from asgml.tui.session.session import Session

_RUNS_AFTER = 0.3
"""Seconds after the first scene until the list of runs is read: the charts come first."""
_RUNS_EVERY = 15.0
"""Seconds between two readings of the list of runs: each reads up to 40 of them."""


class MainScreen(FramedScreen):
    """Status, balance, charts, values, knobs, events, runs. Its keys are run by `KeyActions`."""

    CSS_PATH = "main.tcss"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(self, session: Session, view: View, list_runs: Callable[[], None]) -> None:
        super().__init__()
        self.session = session
        self.list_runs = list_runs
        self.scene = session.scene
        self.view = view
        self.actions = KeyActions(session, view, self)
        self._drawing = SceneDrawing(self, session, view, self.actions.knobs)
        self._pacing = NumbersPacing()
        self._next_scene: Scene | None = None
        self._scene_is_new = False
        self.runs: tuple[RunRecord, ...] | None = None
        self._bytes_per_minute = 0

    def compose(self) -> ComposeResult:
        yield Status()
        yield Chips()
        yield Notice()
        yield BalancePanel()
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield ChartGrid(id="charts")
                yield Values(id="brief")
            with Vertical(id="right"):
                yield Values(id="values")
                yield Knobs(id="knobs")
                yield System(id="system")
        with Horizontal(id="bottom"):
            yield EventLog(id="events")
            yield Runs(id="runs")
        yield TransportBar()
        yield KeyBar()

    def on_mount(self) -> None:
        self.draw()
        self.set_interval(_RUNS_EVERY, self._refresh_runs)

    def on_plot_mouse_pointed(self, message: Chart.Pointed) -> None:
        self.actions.pointer.act(message)

    def on_list_box_picked(self, message: ListBox.Picked) -> None:
        self.actions.pick(message.pick)

    def on_transport_bar_picked(self, message: TransportBar.Picked) -> None:
        self.actions.replay.seek_share(message.share)

    def action_do(self, id: str) -> None:
        """Run a row of the table of keys: every key of it arrives here."""
        self.actions.run(id)

    def show_scene(self, scene: Scene) -> None:
        """Draw a new scene. A frozen view keeps its own until it is let go."""
        first = self.scene.manifest is None and scene.manifest is not None
        self._next_scene = scene
        self._scene_is_new = True
        # counted only when there is something to draw: an idle dashboard sends nothing
        self._bytes_per_minute = app_of(self.app).bytes_sent.per_minute()
        if not self.view.frozen or scene.name != self.scene.name:
            self.draw()
        if first:
            self.set_timer(_RUNS_AFTER, self._refresh_runs)

    def show_runs(self, runs: tuple[RunRecord, ...]) -> None:
        self.runs = runs
        self.actions.runs.runs_listed(runs)
        self.draw()

    def _refresh_runs(self) -> None:
        # not while the list is hidden: reading it would be for nothing
        if self.query_one(Runs).region.area and self.app.screen is self:
            self.list_runs()

    @property
    def awaits_runs(self) -> bool:
        """True while the panel of runs is on screen and its first list has not come."""
        if self.runs is not None or not self.query_one(Runs).region.area:
            return False
        return self.scene.manifest is not None  # before there is one, none is asked for

    @property
    def settled(self) -> bool:
        """True while nothing waits to be drawn."""
        return not (self.frame_due or self._pacing.waiting)

    def draw(self) -> None:
        """Draw once after the layout has settled, however often it is asked for."""
        scene = self._next_scene
        if scene is not None and not (self.view.frozen and scene.name == self.scene.name):
            self._take(scene)
        super().draw()

    def _take(self, scene: Scene) -> None:
        before = self.panels
        self.scene, self._next_scene = scene, None
        self.actions.selection.keep_selected(before)

    def draw_frame(self) -> None:
        """Draw charts and status, and the numbers with them unless they wait for a later frame."""
        # a key is answered at once, numbers included
        new, self._scene_is_new = self._scene_is_new, False
        delay = self._pacing.delay(app_of(self.app).interval, time.monotonic()) if new else 0.0
        if delay and not self._pacing.waiting:
            self._pacing.waiting = True
            self.set_timer(delay, self._draw_late_numbers)
        with self.app.batch_update():
            self._drawing.draw_frame(self.scene, self.panels, self.runs or (), numbers=not delay)
            if not delay:
                self._draw_numbers()

    def _draw_late_numbers(self) -> None:
        """Draw the numbers that had to wait, unless a key has had them drawn since."""
        if self._pacing.waiting and self.is_mounted:
            with self.app.batch_update():
                self._drawing.draw_legends(self.scene, self.panels)
                self._draw_numbers()

    def _draw_numbers(self) -> None:
        self._pacing.drawn(time.monotonic())
        self._drawing.draw_numbers(self.scene, self._bytes_per_minute)

    @property
    def keys_of(self) -> str:
        return self.session.clock_kind

    def reach(self) -> tuple[float, float] | None:
        return self.scene.data.reach(self.view.axis)

    def smooth(self, weight: float) -> None:
        self.session.smooth(weight)

    @property
    def panels(self) -> list[Panel]:
        return matching(self.scene.panels, self.view.filter_text)

    @property
    def grid(self) -> ChartGrid:
        return self.query_one(ChartGrid)

    def selected_chart(self) -> Chart | None:
        """Return the selected chart, None while it is not on the screen."""
        place = 0 if self.view.solo else self.view.selected % self.grid.per_page
        charts = list(self.grid.query(Chart))
        return charts[place] if place < len(charts) and charts[place].panel is not None else None

    def set_solo(self, on: bool) -> None:
        self.view.solo = on
        self.set_class(on, "solo")
        self.draw()
