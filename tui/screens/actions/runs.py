"""Other runs: the list of them, one laid under the charts, and the baseline beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from asgml.storage.format.safe_text import safe
from asgml.storage.runs.record import RunRecord
from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.base import ActionGroup, DashboardScreen, Handler
from asgml.tui.screens.effect import EffectScreen
from asgml.tui.screens.lists import ListScreen
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.widgets.runs import as_on_screen, is_on_screen, run_row

if TYPE_CHECKING:
    from asgml.tui.session.session import Session

_ROW_WIDTH = 80
_MOST = 200
"""Runs that are offered, the newest ones."""


class RunActions(ActionGroup):
    """Handlers that go to the run list, or choose a run from it to lay under the charts."""

    def __init__(self, session: Session, view: View, screen: DashboardScreen) -> None:
        super().__init__(session, view, screen)
        self._waiting = False

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "runs": self._show_runs,
            "overlay": self._toggle_overlay,
            "effect": self._show_effect,
        }

    def runs_listed(self, runs: tuple[RunRecord, ...]) -> None:
        """Open the list that was asked for, if one was."""
        if self._waiting:
            self._waiting = False
            self._choose_overlay(runs)

    def _show_runs(self) -> None:
        app_of(self._screen.app).navigation.show_runs()

    def _show_effect(self) -> None:
        if self._session.path is None:
            self._screen.show_message("the run is not read yet")
        else:
            self._screen.app.push_screen(EffectScreen(self._session.path))

    def _toggle_overlay(self) -> None:
        if self._screen.scene.overlay is not None:
            self._session.overlay(None)
        elif self._screen.runs is not None:
            self._choose_overlay(self._screen.runs)
        else:
            self._waiting = True
            self._screen.list_runs()

    def _choose_overlay(self, runs: tuple[RunRecord, ...]) -> None:
        def chosen(number: int | None) -> None:
            if number is not None:
                self._session.overlay(runs[number].path)

        scene, styles = self._screen.scene, app_of(self._screen.app).theme_styles
        rows = [
            run_row(as_on_screen(run, scene), styles, _ROW_WIDTH, is_on_screen(run, scene))
            for run in runs[:_MOST]
        ]
        hint = "enter: lay this run under the charts · esc back"
        empty = f"there are no runs in {safe(self._session.runs)}"
        self._screen.app.push_screen(ListScreen("Lay under the charts", rows, hint, empty), chosen)
