"""A program whose parts are loaded when they are first used, which is after its first frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from asgml.tui.scene.view_state import SMOOTHING
from asgml.tui.terminal.themed_app import ThemedApp

if TYPE_CHECKING:
    from asgml.tui.scene.view_state import View
    from asgml.tui.screens.main import MainScreen
    from asgml.tui.screens.many_runs.navigation import Navigation
    from asgml.tui.screens.many_runs.plan import PlanScreen
    from asgml.tui.screens.many_runs.run_list import RunListScreen
    from asgml.tui.screens.parts import Parts
    from asgml.tui.session.run_table import RunTable
    from asgml.tui.session.session import Session


@dataclass(frozen=True)
class Asked:
    """What the dashboard is asked to show: a run or none, the folder around it, and how.

    `views` is the folder of saved views, None to save none; with `fresh` none is restored.
    """

    target: str | Path | None
    runs: Path
    clock: Literal["live", "replay"] = "live"
    readonly: bool = False
    speed: float = 1.0
    at_step: int | None = None
    axis: str = "step"
    smoothing: float = SMOOTHING
    views: Path | None = None
    fresh: bool = False


class PartsApp(ThemedApp):
    """The base of the dashboard."""

    asked: Asked
    announces: tuple[str, ...] = ()

    @cached_property
    def parts(self) -> Parts:
        """The session and the screens; the first use imports most of the program."""
        from asgml.tui.screens.parts import Parts

        return Parts(self, self.asked, self.interval, self.post_message)

    @property
    def view(self) -> View:
        return self.parts.view

    @property
    def session(self) -> Session:
        return self.parts.session

    @property
    def table(self) -> RunTable:
        return self.parts.table

    @property
    def main(self) -> MainScreen:
        return self.parts.main

    @property
    def run_list(self) -> RunListScreen:
        return self.parts.run_list

    @property
    def plan(self) -> PlanScreen:
        return self.parts.plan

    @property
    def navigation(self) -> Navigation:
        return self.parts.navigation

    @property
    def loaded(self) -> bool:
        """True once the parts are there."""
        return "parts" in self.__dict__
