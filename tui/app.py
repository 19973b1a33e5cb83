"""The dashboard as a program: one session and its screen. Leaving it never stops the training."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from textual import events
from textual.app import ComposeResult

from asgml.tui.messages import Notification, PlanChanged, RunsCounted, RunsListed, SceneChanged
from asgml.tui.scene.view_state import SMOOTHING
from asgml.tui.screens.parts_app import Asked, PartsApp
from asgml.tui.terminal.app_protocol import Redrawable
from asgml.tui.terminal.held_keys import HeldKeys
from asgml.tui.terminal.held_terminal import HeldTerminal
from asgml.tui.terminal.opening_line import OpeningLine
from asgml.tui.terminal.themed_app import COMMANDS, Commands

_PATIENCE = 3.0
"""Seconds after which keys that were typed while the program loaded are run, come what may."""


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
    views: Path | None = None,
    fresh: bool = False,
    announces: Sequence[str] = (),
    held: HeldTerminal | None = None,
) -> int:
    """Show a run until the user leaves; without one the runs of a folder, or a plan among them.

    Return the exit code.

    `keymap` gives ids of the table of keys another key; `speed` is seconds of training in a second
    of a replay, `at_step` the step at which it is held at first. `interval` and `theme` are those
    of ThemedApp; `axis` and `smoothing` are what the charts begin with, unless a view was saved
    for the run in the folder `views`, and `fresh` does not leave it out. `announces`: the ways by
    which it tells of alerts, of bell, title and toast. `held`: the terminal, where it has been held
    since before this module was imported.
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
        views=views,
        fresh=fresh,
    )
    app.announces = tuple(announces)
    # texts and strips hold no cycles: the usual rhythm costs a tenth of the time for nothing
    gc.set_threshold(20_000, 50, 100)
    if held is not None:
        held.handed_over = True
        held.owed = lambda: app.parts.announcer.owed if app.loaded else ""
    app.run(inline=inline)
    if app.return_code == 0 and clock == "live":
        print(app.farewell(), file=sys.stderr)
    return app.return_code or 0


def _key_commands() -> type[Any]:
    from asgml.tui.screens.palette import KeyCommands

    return KeyCommands


class Dashboard(PartsApp):
    """The Textual program. Messages of the session go to its main screen."""

    CSS_PATH = "screens/dialogs.tcss"
    COMMANDS: ClassVar[Commands] = {_key_commands, *COMMANDS}

    def __init__(
        self,
        target: str | Path | None,
        runs: Path,
        *,
        plan: Path | None = None,
        clock: Literal["live", "replay"] = "live",
        readonly: bool = False,
        speed: float = 1.0,
        at_step: int | None = None,
        ascii: bool = False,
        keymap: dict[str, str] | None = None,
        interval: float | None = None,
        theme: str = "auto",
        axis: str = "step",
        smoothing: float = SMOOTHING,
        views: Path | None = None,
        fresh: bool = False,
    ) -> None:
        super().__init__(ascii=ascii, keymap=keymap, interval=interval, theme=theme)
        self._target, self._runs = target, runs
        self.asked = Asked(
            target, runs, clock, readonly, speed, at_step, axis, smoothing, views, fresh
        )
        self._first_plan = plan
        self._held_keys = HeldKeys()

    def compose(self) -> ComposeResult:
        yield OpeningLine(Path(self._target or self._runs).name)

    def on_mount(self) -> None:
        # the first frame is painted before numpy and all that draws charts is imported
        self.screen.call_after_refresh(self._open_first)

    def _open_first(self) -> None:
        """Begin to read the run, and put the screens up meanwhile."""
        self.session.start()
        if self._target is not None:
            self.push_screen(self.main)
        else:
            self.navigation.show_runs()
        if self._first_plan is not None:
            self.navigation.show_plan(self._first_plan)
        self.set_timer(_PATIENCE, self._run_held_keys)

    async def on_event(self, event: events.Event) -> None:
        """Hold keys until there is something that can answer them, but for those that leave."""
        if not isinstance(event, events.Key) or not self._held_keys.holding:
            await super().on_event(event)
        elif event.key in {"ctrl+c", "ctrl+q", *self.mapped.get("detach", "q").split(",")}:
            self.detach()
        else:
            self._held_keys.hold(event)

    def _run_held_keys(self) -> None:
        for key in self._held_keys.release():
            self.post_message(key)

    def on_unmount(self) -> None:
        if self.loaded:
            self.parts.close()

    def on_scene_changed(self, message: SceneChanged) -> None:
        self.main.show_scene(message.scene)
        self.parts.announcer.announce(message.scene)
        self._run_held_keys()

    def on_runs_listed(self, message: RunsListed) -> None:
        self.main.show_runs(message.records)
        if message.listing is not None:
            self.run_list.show_listing(message.listing)
            self._run_held_keys()

    def on_runs_counted(self, message: RunsCounted) -> None:
        self.run_list.show_count(message.done, message.total)

    def on_plan_changed(self, message: PlanChanged) -> None:
        self.plan.show_progress(message.progress)

    def on_notification(self, message: Notification) -> None:
        self.show_message(message.text, message.severity)

    def farewell(self) -> str:
        """Return the line the user reads after leaving."""
        if self.loaded:
            return self.parts.farewell()
        return f"`asgml watch {self._target or self._runs}` comes back"

    def restyle(self) -> None:
        super().restyle()
        if self.loaded and self.main.is_mounted:
            self.main.grid.forget()
        for screen in self.screen_stack:
            if isinstance(screen, Redrawable):
                screen.draw()
