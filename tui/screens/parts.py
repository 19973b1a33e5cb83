"""The parts of the dashboard: its session, its list of runs and its screens, each made when needed.

Importing them takes numpy and most of the program, so none of it comes before the first frame. The
screens are kept when they are left, as they were.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from asgml.storage.format.status import ALIVE
from asgml.tui.scene.view_state import View
from asgml.tui.screens.announcer import Announcer
from asgml.tui.screens.by_clock import main_screen
from asgml.tui.screens.many_runs.navigation import Navigation
from asgml.tui.screens.parts_app import Asked, PartsApp
from asgml.tui.session.session import Session
from asgml.tui.session.view_files import ViewFiles

if TYPE_CHECKING:
    from asgml.tui.screens.main import MainScreen
    from asgml.tui.screens.many_runs.plan import PlanScreen
    from asgml.tui.screens.many_runs.run_list import RunListScreen
    from asgml.tui.session.run_table import RunTable


class Parts:
    """The parts, made of what was asked for. `post` takes the messages of their threads."""

    def __init__(
        self, app: PartsApp, asked: Asked, interval: float, post: Callable[[Message], object]
    ) -> None:
        self.view = View(axis=asked.axis, smoothing=asked.smoothing)
        self._app, self._asked, self._post = app, asked, post
        self._views = None if asked.views is None else ViewFiles(asked.views)
        if isinstance(asked.target, Path):
            self._restore_view(asked.target)
        self.session = Session(
            asked.target,
            asked.runs,
            post,
            clock=asked.clock,
            readonly=asked.readonly,
            speed=asked.speed,
            at_step=asked.at_step,
            interval=interval,
            smoothing=self.view.smoothing,
        )

    def open_run(self, path: Path) -> None:
        """Follow another run, in the view that was saved for it."""
        self._save_view()
        self.session.open(path)
        self.view.reset()
        self._restore_view(path)
        self.session.smooth(self.view.smoothing)

    def _restore_view(self, run: Path) -> None:
        if self._views is not None and not self._asked.fresh:
            self._views.restore(self.view, run)

    def _save_view(self) -> None:
        """Save the view of the run on screen; one that was never read has none."""
        run = self.session.path
        if self._views is not None and run is not None and self.session.scene.manifest is not None:
            self._views.save(self.view, run)

    @cached_property
    def main(self) -> MainScreen:
        """The screen of a run."""
        screen = main_screen(self.session, self.view, lambda: self.table.refresh())
        self._app.install_screen(screen, "main")
        return screen

    @cached_property
    def table(self) -> RunTable:
        """The runs of the folder; its thread starts with it."""
        from asgml.tui.session.run_table import RunTable

        table = RunTable(self._asked.runs, self._post)
        table.start()
        return table

    @cached_property
    def run_list(self) -> RunListScreen:
        """The screen that lists them."""
        from asgml.tui.screens.many_runs.run_list import RunListScreen

        screen = RunListScreen(self.table, self._asked.readonly)
        self._app.install_screen(screen, "runs")
        return screen

    @cached_property
    def plan(self) -> PlanScreen:
        """The screen of a plan."""
        from asgml.tui.screens.many_runs.plan import PlanScreen

        screen = PlanScreen(self.table)
        self._app.install_screen(screen, "plan")
        return screen

    @cached_property
    def announcer(self) -> Announcer:
        """What tells of alerts by bell, title and a line in the corner."""
        return Announcer(self._app, self._app.announces)

    @cached_property
    def navigation(self) -> Navigation:
        """The way between the screens."""
        return Navigation(self._app, self)

    def farewell(self) -> str:
        """Return the line the user reads after leaving."""
        scene = self.session.scene
        if not self.session.opened:
            return f"`asgml watch {self._asked.runs}` comes back to the list"
        if scene.state == "failed" and scene.manifest is None:
            log = f"{scene.name}/trainer.log"
            return f"{scene.name} failed before its first step; the reason is in {log}"
        if scene.transport is not None:
            step = scene.transport.step
            return f"`asgml replay {scene.name} --at {step}` comes back to step {step}"
        if scene.state in ALIVE:
            return f"{scene.name} goes on training; `asgml watch {scene.name}` comes back to it"
        told = f"{scene.name} is {scene.state}"
        return f"{told}; {scene.remedy}" if scene.remedy else told

    def close(self) -> None:
        """End the threads, and save the view."""
        self._save_view()
        self.session.close()
        if "announcer" in self.__dict__:
            self.announcer.close()
        if "table" in self.__dict__:
            self.table.close()
