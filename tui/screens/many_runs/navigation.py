"""The way between the screens: the run list at the bottom, a plan over it, a run on top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from textual.app import App
from textual.screen import Screen

from asgml.tui.terminal.app_protocol import app_of

if TYPE_CHECKING:
    from asgml.tui.screens.many_runs.plan import PlanScreen


class Parts(Protocol):
    """The screens that navigation goes between, and what they show; each is made on first use."""

    def open_run(self, path: Path) -> None:
        """Follow another run."""

    @property
    def session(self) -> Any:
        """The session of the run."""

    @property
    def table(self) -> Any:
        """The runs of the folder."""

    @property
    def main(self) -> Any:
        """The screen of a run."""

    @property
    def run_list(self) -> Any:
        """The screen of all runs."""

    @property
    def plan(self) -> PlanScreen:
        """The screen of a plan."""


class Navigation:
    """Opens the screens. They are kept when they are left, as they were."""

    def __init__(self, app: App[Any], parts: Parts) -> None:
        self._app, self._parts = app, parts

    def show_runs(self, plan: Path | None = None) -> None:
        """Go to the run list: back to it, or in the place of the screen that is on.

        `plan`: the folder of the plan on whose runs it is to stand.
        """
        if plan is not None:
            self._parts.run_list.stand_on_plan(plan)
        if self._parts.run_list in self._app.screen_stack:
            self._pop_to(self._parts.run_list)
        elif len(self._app.screen_stack) > 1:
            self._app.switch_screen(self._parts.run_list)
        else:
            self._app.push_screen(self._parts.run_list)

    def show_plan(self, folder: Path) -> None:
        """Open a plan over the screen that is on."""
        self._parts.plan.follow(folder)
        self._parts.table.follow_plan(folder)
        self._push(self._parts.plan)

    def open_run(self, path: Path) -> None:
        """Open a run over the screen that is on."""
        self._parts.open_run(path)
        self._push(self._parts.main)

    def compare(self, paths: Sequence[Path]) -> None:
        """Open a comparison of runs over the screen that is on."""
        from asgml.tui.screens.comparison import ComparisonScreen

        interval = app_of(self._app).interval
        self._app.push_screen(ComparisonScreen(paths, self._parts.table.folder, interval=interval))

    def back_to_run(self) -> bool:
        """Go to the run that was on screen. Return False where none was opened yet."""
        if not self._parts.session.opened:
            return False
        self._push(self._parts.main)
        return True

    def back(self) -> bool:
        """Leave the screen that is on. Return False for the lowest one."""
        if len(self._app.screen_stack) <= 2:
            return False
        plan = self._parts.plan
        if plan is self._app.screen:
            self._parts.run_list.stand_on_plan(plan.progress.folder)
        self._app.pop_screen()
        return True

    def _push(self, screen: Screen[Any]) -> None:
        if screen in self._app.screen_stack:
            self._pop_to(screen)
        else:
            self._app.push_screen(screen)

    def _pop_to(self, screen: Screen[Any]) -> None:
        while self._app.screen is not screen:
            self._app.pop_screen()
