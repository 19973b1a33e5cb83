"""The dashboard as a program: one session and its screen. Leaving it never stops the training."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import ClassVar, Literal

from asgml.storage.format.status import ALIVE
from asgml.tui.messages import Notification, RunsListed, SceneChanged
from asgml.tui.scene.view_state import View
from asgml.tui.screens.by_clock import main_screen
from asgml.tui.screens.palette import KeyCommands
from asgml.tui.session.followed_run import ClockKind
from asgml.tui.session.session import Session
from asgml.tui.terminal.themed_app import COMMANDS, Commands, ThemedApp
from asgml.tui.widgets.chart import Chart


def run_dashboard(
    target: str | Path,
    runs: Path,
    *,
    clock: Literal["live", "replay"] = "live",
    readonly: bool = False,
    speed: float = 1.0,
    at_step: int | None = None,
    ascii: bool = False,
    inline: bool = False,
    keymap: dict[str, str] | None = None,
) -> int:
    """Show a run until the user leaves. Return the exit code.

    `keymap` gives ids of the table of keys another key; `speed` is seconds of training in a second
    of a replay, `at_step` the step at which it is held at first.
    """
    app = Dashboard(
        target,
        runs,
        clock=clock,
        readonly=readonly,
        speed=speed,
        at_step=at_step,
        ascii=ascii,
        keymap=keymap,
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
        target: str | Path,
        runs: Path,
        *,
        clock: ClockKind = "live",
        readonly: bool = False,
        speed: float = 1.0,
        at_step: int | None = None,
        ascii: bool = False,
        keymap: dict[str, str] | None = None,
        interval: float | None = None,
    ) -> None:
        super().__init__(ascii=ascii, keymap=keymap, interval=interval)
        self.view = View()
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
        self.main = main_screen(self.session, self.view)

    def on_mount(self) -> None:
        self.push_screen(self.main)
        # the first frame is painted before zarr is imported
        self.main.call_after_refresh(self.session.start)

    def on_unmount(self) -> None:
        self.session.close()

    def on_scene_changed(self, message: SceneChanged) -> None:
        self.main.show_scene(message.scene)

    def on_runs_listed(self, message: RunsListed) -> None:
        self.main.show_runs(message.runs)

    def on_notification(self, message: Notification) -> None:
        self.main.show_message(message.text, message.severity)

    def farewell(self) -> str:
        """Return the line the user reads after leaving."""
        scene = self.session.scene
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
        self.main.draw()
