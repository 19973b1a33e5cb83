"""The dashboard as a program: one session and its screen. Leaving it never stops the training."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import ClassVar, Literal

from asgml.storage.format.status import ALIVE
from asgml.tui.messages import Notification, PlanChanged, RunsCounted, RunsListed, SceneChanged
from asgml.tui.scene.view_state import SMOOTHING, View
from asgml.tui.screens.by_clock import main_screen
from asgml.tui.screens.many_runs.navigation import Navigation
from asgml.tui.screens.many_runs.plan import PlanScreen
from asgml.tui.screens.many_runs.run_list import RunListScreen
from asgml.tui.screens.palette import KeyCommands
from asgml.tui.session.followed_run import ClockKind
from asgml.tui.session.run_table import RunTable
from asgml.tui.session.session import Session
from asgml.tui.terminal.app_protocol import Redrawable
from asgml.tui.terminal.themed_app import COMMANDS, Commands, ThemedApp
from asgml.tui.widgets.chart import Chart


def run_dashboard(
    target: str | Path | None,
    runs: Path,
    *,
    plan: Path | None = None,
    clock: Literal["live", "replay"] = "live",
    readonly: bool = False,
    speed: float = 1.0,
    at_step: int | None = None,
    ascii: bool = False,
    inline: bool = False,
    keymap: dict[str, str] | None = None,
    interval: float | None = None,
    theme: str = "auto",
    axis: str = "step",
    smoothing: float = SMOOTHING,
) -> int:
    """Show a run until the user leaves; without one the runs of a folder, or a plan among them.

    Return the exit code.

    `keymap` gives ids of the table of keys another key; `speed` is seconds of training in a second
    of a replay, `at_step` the step at which it is held at first. `interval` and `theme` are those
    of ThemedApp; `axis` and `smoothing` are what the charts begin with.
    """
    app = Dashboard(
        target,
        runs,
        plan=plan,
        clock=clock,
        readonly=readonly,
        speed=speed,
        at_step=at_step,
        ascii=ascii,
        keymap=keymap,
        interval=interval,
        theme=theme,
        axis=axis,
        smoothing=smoothing,
    )
    # texts and strips hold no cycles: the usual rhythm costs a tenth of the time for nothing
    gc.set_threshold(20_000, 50, 100)
    app.run(inline=inline)
    if app.return_code == 0 and clock == "live":
        print(app.farewell(), file=sys.stderr)
    return app.return_code or 0


class Dashboard(ThemedApp):
    """The Textual program. Messages of the session go to its main screen."""

    CSS_PATH = "screens/dialogs.tcss"
    COMMANDS: ClassVar[Commands] = {KeyCommands} | COMMANDS

    def __init__(
        self,
        target: str | Path | None,
        runs: Path,
        *,
        plan: Path | None = None,
        clock: ClockKind = "live",
        readonly: bool = False,
        speed: float = 1.0,
        at_step: int | None = None,
        ascii: bool = False,
        keymap: dict[str, str] | None = None,
        interval: float | None = None,
        theme: str = "auto",
        axis: str = "step",
        smoothing: float = SMOOTHING,
    ) -> None:
        super().__init__(ascii=ascii, keymap=keymap, interval=interval, theme=theme)
        self.view = View(axis=axis, smoothing=smoothing)
        self.session = Session(
            target,
            runs,
            self.post_message,
            clock=clock,
            readonly=readonly,
            speed=speed,
            at_step=at_step,
            interval=self.interval,
            smoothing=self.view.smoothing,
        )
        self.table = RunTable(runs, self.post_message)
        self.main = main_screen(self.session, self.view, self.table)
        self.run_list = RunListScreen(self.table, readonly)
        self.plan = PlanScreen(self.table)
        self.navigation = Navigation(
            self, self.session, self.table, self.main, self.run_list, self.plan
        )
        self._first = target is not None, plan

    def on_mount(self) -> None:
        self.navigation.install()
        self._open_first(*self._first)
        # the first frame is painted before zarr is imported
        self.screen.call_after_refresh(self.session.start)
        self.screen.call_after_refresh(self.table.start)

    def _open_first(self, run: bool, plan: Path | None) -> None:
        if run:
            self.push_screen(self.main)
        else:
            self.navigation.show_runs()
        if plan is not None:
            self.navigation.show_plan(plan)

    def on_unmount(self) -> None:
        self.session.close()
        self.table.close()

    def on_scene_changed(self, message: SceneChanged) -> None:
        self.main.show_scene(message.scene)

    def on_runs_listed(self, message: RunsListed) -> None:
        self.main.show_runs(message.records)
        if message.listing is not None:
            self.run_list.show_listing(message.listing)

    def on_runs_counted(self, message: RunsCounted) -> None:
        self.run_list.show_count(message.done, message.total)

    def on_plan_changed(self, message: PlanChanged) -> None:
        self.plan.show_progress(message.progress)

    def on_notification(self, message: Notification) -> None:
        # what went wrong stays longer: it has to be read to the end
        seconds = 6 if message.severity == "information" else 10
        self.notify(message.text, severity=message.severity, markup=False, timeout=seconds)

    def farewell(self) -> str:
        """Return the line the user reads after leaving."""
        scene = self.session.scene
        if not self.session.opened:
            return f"`asgml watch {self.table.folder}` comes back to the list"
        if scene.state == "failed" and scene.manifest is None:
            log = f"{scene.name}/trainer.log"
            return f"{scene.name} failed before its first step; the reason is in {log}"
        if scene.state in ALIVE:
            return f"{scene.name} goes on training; `asgml watch {scene.name}` comes back to it"
        return f"{scene.name} is {scene.state}; `asgml replay {scene.name}` plays it back"

    def restyle(self) -> None:
        super().restyle()
        for chart in self.main.query(Chart) if self.main.is_mounted else ():
            chart.forget()
        for screen in self.screen_stack:
            if isinstance(screen, Redrawable):
                screen.draw()
