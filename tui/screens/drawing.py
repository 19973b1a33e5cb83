"""From a scene to the widgets: each gets what it shows of the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

from asgml.storage.runs.record import RunRecord
from asgml.tui.scene.panels import Panel
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.knobs import KnobActions
from asgml.tui.screens.pending_line import pending_line
from asgml.tui.screens.room import share_room
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.widgets.balance import BalancePanel
from asgml.tui.widgets.bars import KeyBar, TransportBar
from asgml.tui.widgets.chips import Chips
from asgml.tui.widgets.events import EventLog
from asgml.tui.widgets.grid import ChartGrid, page_of
from asgml.tui.widgets.knobs import Knobs
from asgml.tui.widgets.notice import Notice
from asgml.tui.widgets.runs import Runs
from asgml.tui.widgets.status import Status
from asgml.tui.widgets.system import System
from asgml.tui.widgets.values import Values

if TYPE_CHECKING:
    from asgml.tui.session.session import Session


class SceneDrawing:
    """The drawing of scenes on the widgets of one screen; they redraw only what changed."""

    def __init__(
        self, screen: Screen[None], session: Session, view: View, knobs: KnobActions
    ) -> None:
        self._screen = screen
        self._session = session
        self._view = view
        self._knobs = knobs

    def draw_frame(
        self, scene: Scene, panels: list[Panel], runs: tuple[RunRecord, ...], numbers: bool
    ) -> None:
        """Draw all but the numbers. Without `numbers` the legends of charts wait for them."""
        screen = self._screen
        screen.set_class(scene.manifest is None, "blank")
        share_room(screen, scene, len(runs), self._framed)
        self._draw_charts(scene, panels, numbers)
        self._draw_head(scene, panels)
        selected = self._knobs.selected_knob()
        name = selected.knob.name if selected else ""
        screen.query_one(Knobs).show_scene(scene, name, self._knobs.draft)
        screen.query_one(EventLog).show_scene(scene, framed=self._framed)
        screen.query_one(Runs).show_runs(runs, scene)
        screen.query_one(TransportBar).show_scene(scene)
        steerable = not self._session.refusal()
        labels = key_labels(scene, self._view.solo, self._knobs.draft is not None)
        screen.query_one(KeyBar).show_keys(
            self._session.clock_kind, labels, steerable, app_of(screen.app).mapped
        )

    def draw_numbers(self, scene: Scene, bytes_per_minute: int) -> None:
        """Draw the balance, the values and the system."""
        screen, view = self._screen, self._view
        screen.query_one(BalancePanel).show_scene(scene, self._framed)
        screen.query_one("#brief", Values).show_scene(scene, view, framed=False)
        screen.query_one("#values", Values).show_scene(scene, view, framed=True)
        interval = app_of(screen.app).interval
        screen.query_one(System).show_scene(scene, bytes_per_minute, interval)

    def draw_legends(self, scene: Scene, panels: list[Panel]) -> None:
        """Draw the charts with the numbers in their legends."""
        self._screen.query_one(ChartGrid).show_scene(scene, panels, self._view)

    def _draw_charts(self, scene: Scene, panels: list[Panel], numbers: bool) -> None:
        view, grid = self._view, self._screen.query_one(ChartGrid)
        view.selected = min(view.selected, max(len(panels) - 1, 0))
        grid.choose_shape(len(panels), view.solo or not self._wide)
        grid.show_scene(scene, panels, view, numbers)

    def _draw_head(self, scene: Scene, panels: list[Panel]) -> None:
        screen, view = self._screen, self._view
        per_page = screen.query_one(ChartGrid).per_page
        page, pages = page_of(view.selected, per_page), -(-len(panels) // per_page)
        pending = pending_line(scene, self._knobs.draft, app_of(screen.app).theme_styles)
        height = screen.size.height
        # without a manifest there are no charts: the notice may fill the screen but for 14 lines
        notice_rows = height // 3 if scene.manifest is not None else height - 14
        screen.query_one(Status).show_scene(scene, self._session.readonly, view.frozen)
        screen.query_one(Chips).show_scene(scene, view, page, pages, pending)
        screen.query_one(Notice).show_scene(scene, notice_rows)

    @property
    def _wide(self) -> bool:
        return not any(self._screen.has_class(name) for name in ("-narrow", "-sliver"))

    @property
    def _framed(self) -> bool:
        short = ("-short", "-tiny", "-line")
        return self._wide and not any(self._screen.has_class(name) for name in short)


def key_labels(scene: Scene, solo: bool, drafted: bool) -> dict[str, str]:
    """Return the labels of the key bar that depend on the state, by id in the table of keys.

    `solo`: one chart fills the screen; `drafted`: a knob was nudged and is not sent yet.
    """
    labels = {"open": "send" if drafted else "all charts"} if drafted or solo else {}
    if scene.state == "paused":
        labels["pause"] = "resume"
    elif scene.transport is not None and scene.transport.playing:
        labels["play"] = "hold"
    return labels
