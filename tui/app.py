"""The dashboard as a program: one session and its screen. Leaving it never stops the training."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar, Literal

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import Screen

from asgml.storage.format.status import ALIVE
from asgml.tui.messages import Notification, RunsListed, SceneChanged
from asgml.tui.scene.view_state import View
from asgml.tui.screens.by_clock import main_screen
from asgml.tui.screens.palette import KeyCommands
from asgml.tui.session.followed_run import ClockKind
from asgml.tui.session.session import Session
from asgml.tui.terminal.capabilities import choose_glyphs, draw_interval, few_colours, over_ssh
from asgml.tui.terminal.diff_app import DiffApp
from asgml.tui.terminal.theme import DARK, LIGHT, make_styles
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


_Commands = set[type[Provider] | Callable[[], type[Provider]]]


class Dashboard(DiffApp):
    """The Textual program. Messages of the session go to its main screen."""

    CSS_PATH = "screens/dialogs.tcss"
    TITLE = "asgml"
    COMMANDS: ClassVar[_Commands] = {KeyCommands} | App.COMMANDS
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "detach", show=False, priority=True)]
    ENABLE_COMMAND_PALETTE = True

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
        super().__init__()
        self.interval = interval or draw_interval()
        self.mapped = keymap or {}
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
        self._glyphs = choose_glyphs(ascii=ascii)
        self.theme_styles = make_styles(self._glyphs)
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = "ansi-dark" if few_colours() and not self.is_headless else DARK.name
        self.main = main_screen(self.session, self.view)
        if over_ssh():
            self.animation_level = "none"

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda theme: self._restyle())
        self._restyle()
        if self.mapped:
            self.set_keymap(self.mapped)
        self.count_bytes()
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

    def action_detach(self) -> None:
        self.detach()

    def detach(self) -> None:
        """Leave the dashboard; the training goes on."""
        self.exit(return_code=0)

    async def action_quit(self) -> None:
        self.detach()

    def farewell(self) -> str:
        """Return the line the user reads after leaving."""
        scene = self.session.scene
        if scene.state == "failed" and scene.manifest is None:
            log = f"{scene.name}/trainer.log"
            return f"{scene.name} failed before its first step; the reason is in {log}"
        if scene.state in ALIVE:
            return f"{scene.name} goes on training; `asgml watch {scene.name}` comes back to it"
        return f"{scene.name} is {scene.state}; `asgml replay {scene.name}` plays it back"

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        yield SystemCommand("theme", "choose another theme", self.action_change_theme)

    def _restyle(self) -> None:
        self.theme_styles = make_styles(
            self._glyphs, ansi=self.native_ansi_color, dark=self.current_theme.dark
        )
        for chart in self.main.query(Chart) if self.main.is_mounted else ():
            chart.forget()
        self.main.draw()
