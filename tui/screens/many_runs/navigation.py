"""The way between the screens: the run list at the bottom, a plan over it, a run on top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import App
from textual.screen import Screen

from asgml.tui.screens.comparison import ComparisonScreen
from asgml.tui.session.run_table import RunTable
from asgml.tui.terminal.app_protocol import app_of

if TYPE_CHECKING:
    from asgml.tui.screens.main import MainScreen
    from asgml.tui.screens.many_runs.plan import PlanScreen
    from asgml.tui.screens.many_runs.run_list import RunListScreen
    from asgml.tui.session.session import Session


class Navigation:
    """Opens the screens. They are kept when they are left, as they were."""

    def __init__(
        self,
        app: App[Any],
        session: Session,
        table: RunTable,
        main: MainScreen,
        run_list: RunListScreen,
        plan: PlanScreen,
    ) -> None:
        self._app, self._session, self._table = app, session, table
        self._main, self._list, self._plan = main, run_list, plan

    def install(self) -> None:
        """Keep the screens for the time of the program."""
        for name, screen in (("main", self._main), ("runs", self._list), ("plan", self._plan)):
            self._app.install_screen(screen, name)

    def show_runs(self, plan: Path | None = None) -> None:
        """Go to the run list: back to it, or in the place of the screen that is on.

        `plan`: the folder of the plan on whose runs it is to stand.
        """
        if plan is not None:
            self._list.stand_on_plan(plan)
        if self._list in self._app.screen_stack:
            self._pop_to(self._list)
        elif len(self._app.screen_stack) > 1:
            self._app.switch_screen(self._list)
        else:
            self._app.push_screen(self._list)

    def show_plan(self, folder: Path) -> None:
        """Open a plan over the screen that is on."""
        self._plan.follow(folder)
        self._table.follow_plan(folder)
        self._push(self._plan)

    def open_run(self, path: Path) -> None:
        """Open a run over the screen that is on."""
        self._session.open(path)
        self._main.view.reset()
        self._push(self._main)

    def compare(self, paths: Sequence[Path]) -> None:
        """Open a comparison of runs over the screen that is on."""
        interval = app_of(self._app).interval
        self._app.push_screen(ComparisonScreen(paths, self._table.folder, interval=interval))

    def back_to_run(self) -> bool:
        """Go to the run that was on screen. Return False where none was opened yet."""
        if not self._session.opened:
            return False
        self._push(self._main)
        return True

    def back(self) -> bool:
        """Leave the screen that is on. Return False for the lowest one."""
        if len(self._app.screen_stack) <= 2:
            return False
        if self._app.screen is self._plan:
            self._list.stand_on_plan(self._plan.progress.folder)
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
