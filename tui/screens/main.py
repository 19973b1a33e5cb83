"""The dashboard: lays the parts out and draws scenes. It does not know whether a scene is live or replayed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical

from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import setting
from asgml.tui.keys import SPEEDS, bindings_for
from asgml.tui.messages import RunLine
from asgml.tui.scene.scene import Scene
from asgml.tui.scene.view_state import View
from asgml.tui.screens.browse import Looking
from asgml.tui.screens.steer import Steering
from asgml.tui.widgets.balance import BalancePanel
from asgml.tui.widgets.bars import KeyBar, TransportBar
from asgml.tui.widgets.chart import Chart
from asgml.tui.widgets.events import EventLog, Runs
from asgml.tui.widgets.grid import ChartGrid, page_of
from asgml.tui.widgets.knobs import Knobs
from asgml.tui.widgets.status import Chips, Notice, Status
from asgml.tui.widgets.system import System
from asgml.tui.widgets.values import Values

if TYPE_CHECKING:
    from asgml.tui.session.session import Session

_RUNS_EVERY = 15.0


class MainScreen(Steering, Looking):
    """Status, balance, charts, values, knobs, events, runs."""

    CSS_PATH = "main.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-sliver"), (40, "-narrow"), (100, "-mid"), (150, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-line"),
        (10, "-tiny"),
        (18, "-short"),
        (30, "-medium"),
        (40, "-tall"),
    ]

    def __init__(self, session: Session, view: View) -> None:
        super().__init__()
        self.session = session
        self.scene = session.scene
        self.view = view
        self._waiting: Scene | None = None
        self._drawing = False
        self._from_scene = False
        self._runs: tuple[RunLine, ...] = ()
        self._per_minute = 0
        self._numbers_at = 0.0
        self._numbers_wait = False

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
        self.set_interval(_RUNS_EVERY, self._ask_runs)

    def on_resize(self) -> None:
        self.draw()

    def on_chart_picked(self, message: Chart.Picked) -> None:
        place = list(self.grid.query(Chart)).index(message.chart)
        self.select(page_of(self.view.selected, self.grid.per_page) * self.grid.per_page + place)

    def action_do(self, id: str) -> None:
        """Every key of the table arrives here."""
        if id in SPEEDS:
            self.do_speed(id)
        else:
            getattr(self, f"do_{id}")()

    def do_open(self) -> None:
        if not self.send_draft() and self.panels:
            self.solo(not self.view.solo)

    def do_back(self) -> None:
        """One step back: a nudged knob, the cursor, the chart on the whole screen, the filter."""
        if self.draft is not None:
            self.draft = None
        elif self.view.cursor is not None:
            self.view.cursor = None
        elif self.view.solo:
            self.solo(False)
            return
        elif self.view.filter_text:
            self.view.filter_text = ""
        self.draw()

    def show_scene(self, scene: Scene) -> None:
        """A new scene has come. A frozen view keeps its own until it is let go."""
        first = self.scene.manifest is None and scene.manifest is not None
        self._waiting = scene
        self._from_scene = True
        self._per_minute = (
            self.host.bytes_sent.per_minute()
        )  # counted when there is something new only: idle must stay idle
        if not self.view.frozen or scene.name != self.scene.name:
            self.draw()
        if first:
            self._ask_runs()

    def show_runs(self, runs: tuple[RunLine, ...]) -> None:
        self._runs = runs
        self.take_runs(runs)
        self.draw()

    def _ask_runs(self) -> None:
        if self.query_one(Runs).region.area and self.app.screen is self:
            self.session.list_runs()

    def draw(self) -> None:
        """Draws once after the layout has settled, however often it is asked for."""
        if self._waiting is not None and not (
            self.view.frozen and self._waiting.name == self.scene.name
        ):
            self._take(self._waiting)
        if not self._drawing and self.is_mounted:
            self._drawing = True
            self.call_after_refresh(self._draw)

    def _take(self, scene: Scene) -> None:
        """A chart that appears before the chosen one must not take its place."""
        before, chosen = self.panels, self.view.selected
        self.scene, self._waiting = scene, None
        titles = [panel.title for panel in self.panels]
        if 0 < chosen < len(before) and before[chosen].title in titles:
            self.view.selected = titles.index(before[chosen].title)

    def _draw(self) -> None:
        """Charts and status at once. Numbers change in every frame and nobody reads them that fast: at most one in four."""
        self._drawing = False
        if not self.is_mounted:
            return
        left = self._numbers_at + 4 * self.host.interval - time.monotonic()
        # within one interval of their time they go along: two updates of the screen cost twice as much as one
        later, self._from_scene = self._from_scene and left > self.host.interval, False
        if later and not self._numbers_wait:
            self._numbers_wait = True
            self.set_timer(left, self._draw_late)
        with self.app.batch_update():
            self._draw_parts(numbers=not later)
            if not later:
                self._draw_numbers()

    def _draw_late(self) -> None:
        """The numbers that had to wait, unless a key has had them drawn since."""
        if self._numbers_wait and self.is_mounted:
            with self.app.batch_update():
                self.grid.show_scene(self.scene, self.panels, self.view)
                self._draw_numbers()

    @property
    def settled(self) -> bool:
        """True while nothing waits to be drawn."""
        return not (self._drawing or self._numbers_wait)

    def _draw_parts(self, numbers: bool) -> None:
        scene, view, panels = self.scene, self.view, self.panels
        self.set_class(scene.manifest is None, "blank")
        view.selected = min(view.selected, max(len(panels) - 1, 0))
        grid = self.grid
        grid.choose_shape(len(panels), view.solo or not self._wide)
        self.query_one(Status).show_scene(scene, self.session.readonly)
        pages = -(-len(panels) // grid.per_page)
        self.query_one(Chips).show_scene(
            scene, view, page_of(view.selected, grid.per_page), pages, self._asking()
        )
        self.query_one(Notice).show_scene(
            scene, self.size.height // 3 if scene.manifest is not None else self.size.height - 14
        )
        grid.show_scene(scene, panels, view, numbers)
        knob = self.knob()
        self.query_one(Knobs).show_scene(scene, knob.knob.name if knob else "", self.draft)
        self.query_one(EventLog).show_scene(scene, framed=self._framed)
        self.query_one(Runs).show_runs(self._runs, scene)
        self.query_one(TransportBar).show_scene(scene)
        words = (
            {"pause": "resume"}
            if scene.state == "paused"
            else {"play": "hold"}
            if scene.transport and scene.transport.playing
            else {}
        )
        self.query_one(KeyBar).show_keys(
            self.session.clock_kind, words, not self.session.refusal(), self.host.mapped
        )

    def _draw_numbers(self) -> None:
        self._numbers_wait, self._numbers_at = False, time.monotonic()
        scene, view = self.scene, self.view
        self.query_one(BalancePanel).show_scene(scene, self._framed)
        self.query_one("#brief", Values).show_scene(scene, view, framed=False)
        self.query_one("#values", Values).show_scene(scene, view, framed=True)
        self.query_one(System).show_scene(scene, self._per_minute, self.host.interval)

    @property
    def _wide(self) -> bool:
        return not self.has_class("-narrow") and not self.has_class("-sliver")

    @property
    def _framed(self) -> bool:
        return self._wide and not any(self.has_class(name) for name in ("-short", "-tiny", "-line"))

    def _asking(self) -> Text:
        """What was asked for and is not answered, or is not even sent yet."""
        styles = self.host.theme_styles
        if self.draft is not None:
            name, value = self.draft
            before = next(
                (state.value for state in self.scene.knobs if state.knob.name == name), value
            )
            return Text(
                f" {safe(name)} {setting(before)} {styles.glyph('→', '>')} {setting(value)}?  enter sends  esc forgets",
                styles.warn,
            )
        if self.scene.pending_requests:
            asked = ", ".join(
                f"{request.kind} {request.knob or ''}".strip()
                for request in self.scene.pending_requests
            )
            return Text(f" {styles.glyph('…', '~')} asked: {safe(asked)}", styles.pending)
        return Text("")


class LiveScreen(MainScreen):
    """The main screen with the keys of watching."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_for("live")


class ReplayScreen(MainScreen):
    """The main screen with the keys of replaying."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_for("replay")
