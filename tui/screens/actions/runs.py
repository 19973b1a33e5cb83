"""Other runs: go to one, or lay one under the charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from asgml.storage.format.safe_text import safe
from asgml.tui.messages import RunLine
from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.base import ActionGroup, DashboardScreen, Handler
from asgml.tui.screens.lists import ListScreen
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.widgets.runs import as_on_screen, run_row

if TYPE_CHECKING:
    from asgml.tui.session.session import Session

_ROW_WIDTH = 80


class RunActions(ActionGroup):
    """Handlers that choose another run from the list, which the reading thread makes first."""

    def __init__(self, session: Session, view: View, screen: DashboardScreen) -> None:
        super().__init__(session, view, screen)
        self._on_runs: Callable[[tuple[RunLine, ...]], None] | None = None

    def handlers(self) -> Mapping[str, Handler]:
        return {"runs": self._ask_run, "overlay": self._toggle_overlay}

    def runs_listed(self, runs: tuple[RunLine, ...]) -> None:
        """Open the list that was asked for, if one was: the screen itself asks for the runs too."""
        on_runs, self._on_runs = self._on_runs, None
        if on_runs is not None:
            on_runs(runs)

    def _ask_run(self) -> None:
        self._choose("Runs", "enter: go to this run · esc back", self._switch)

    def _switch(self, line: RunLine) -> None:
        # zoom, cursor and filter were chosen for the steps and metrics of the other run
        self._view.reset()
        self._session.switch(line.name)

    def _toggle_overlay(self) -> None:
        if self._screen.scene.overlay is not None:
            self._session.overlay(None)
        else:
            hint = "enter: lay this run under the charts · esc back"
            self._choose("Lay under the charts", hint, self._overlay)

    def _overlay(self, line: RunLine) -> None:
        self._session.overlay(line.name)

    def _choose(self, title: str, hint: str, take: Callable[[RunLine], None]) -> None:
        def show(runs: tuple[RunLine, ...]) -> None:
            def chosen(number: int | None) -> None:
                if number is not None:
                    take(runs[number])

            self._screen.app.push_screen(self._list(title, hint, runs), chosen)

        self._on_runs = show
        self._session.list_runs()

    def _list(self, title: str, hint: str, runs: tuple[RunLine, ...]) -> ListScreen:
        scene, styles = self._screen.scene, app_of(self._screen.app).theme_styles
        rows = [
            run_row(as_on_screen(line, scene), styles, _ROW_WIDTH, line.name == scene.name)
            for line in runs
        ]
        return ListScreen(title, rows, hint, f"there are no runs in {safe(self._session.runs)}")
