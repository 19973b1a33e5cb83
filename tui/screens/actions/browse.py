"""What is looked at beside the charts: events, alerts, the plane of balance and conflict."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from asgml.storage.format.layout import RunPaths
from asgml.tui.scene.interventions import coming_interventions, made_interventions
from asgml.tui.scene.log_lines import LogLine
from asgml.tui.scene.plane import measures_conflict
from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.base import ActionGroup, DashboardScreen, Handler
from asgml.tui.screens.actions.cursor import CursorActions
from asgml.tui.screens.lists import ListScreen
from asgml.tui.screens.plane import PlaneScreen
from asgml.tui.screens.trainer_log import TrainerLogScreen
from asgml.tui.terminal.app_protocol import app_of
from asgml.tui.widgets.events import log_row
from asgml.tui.widgets.intervention_row import intervention_row

if TYPE_CHECKING:
    from asgml.tui.session.session import Session

_ROW_WIDTH = 400
"""Cells of a row: more than a terminal has, the list cuts it at its own width."""


class BrowseActions(ActionGroup):
    """Handlers that list events, newest first; a chosen line moves the cursor to its step."""

    def __init__(
        self, session: Session, view: View, screen: DashboardScreen, cursor: CursorActions
    ) -> None:
        super().__init__(session, view, screen)
        self._cursor = cursor

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "events": self._list_events,
            "alerts": self._list_alerts,
            "acknowledge": self._acknowledge,
            "plane": self._show_plane,
            "trainer_log": self._show_trainer_log,
            "interventions": self._list_interventions,
        }

    def _show_plane(self) -> None:
        if measures_conflict(self._screen.scene.known):
            self._screen.app.push_screen(PlaneScreen(lambda: self._screen.scene))
        else:
            self._screen.show_message(
                "this run records no conflict of gradients; diagnose.every=10 or mmpareto does"
            )

    def _list_interventions(self) -> None:
        """List what is to come, the nearest last, and below it what was made, the newest first."""
        scene, run = self._screen.scene, self._session.path
        coming = coming_interventions(scene, run) if run is not None else []
        made = made_interventions(scene.history.events)
        lines = [*coming[::-1], *made[::-1]]

        def jump(number: int | None) -> None:
            if number is not None:
                self._jump_to_step(lines[number].step)

        styles = app_of(self._screen.app).theme_styles
        rows = [intervention_row(line, styles) for line in lines]
        title = f"Interventions ({len(made)} made, {len(coming)} to come)"
        hint = "enter: all charts to this step · esc back"
        empty = "nothing was changed, and nothing is to come"
        self._screen.app.push_screen(ListScreen(title, rows, hint, empty), jump)

    def _show_trainer_log(self) -> None:
        run = self._session.path
        if run is None:
            self._screen.show_message("the run is not read yet")
        else:
            self._screen.app.push_screen(TrainerLogScreen(RunPaths(run).trainer_log))

    def _list_events(self) -> None:
        self._list("Events", self._screen.scene.history.lines, "nothing has happened yet")

    def _list_alerts(self) -> None:
        empty = "no alerts: all values are finite and the trainer has none"
        scene = self._screen.scene
        self._list("Alerts", scene.alerts, empty, scene.acknowledged)

    def _acknowledge(self) -> None:
        """Acknowledge the newest alert, the one that is told below the status."""
        alerts = self._screen.scene.open_alerts
        if not alerts:
            self._screen.show_message("there is no alert that is not acknowledged")
        elif reason := self._session.acknowledge(alerts[-1].id):
            self._screen.show_message(reason, "warning")

    def _list(
        self,
        title: str,
        oldest_first: Sequence[LogLine],
        empty: str,
        seen: Collection[str] = frozenset(),
    ) -> None:
        lines = oldest_first[::-1]

        def jump(number: int | None) -> None:
            if number is not None:
                self._jump_to_step(lines[number].step)

        styles = app_of(self._screen.app).theme_styles
        rows = [log_row(line, styles, _ROW_WIDTH, seen=line.id in seen) for line in lines]
        hint = "enter: all charts to this step · esc back"
        self._screen.app.push_screen(ListScreen(f"{title} ({len(lines)})", rows, hint, empty), jump)

    def jump_to(self, line: LogLine) -> None:
        """Move the cursor to the step of a line of the log."""
        self._jump_to_step(line.step)

    def _jump_to_step(self, step: int) -> None:
        """Put the cursor at an optimizer step, on whatever axis is shown."""
        scene = self._screen.scene
        steps = scene.data.x("steps", "step")
        row = min(int(steps.searchsorted(step)), len(steps) - 1)
        if row >= 0:
            self._cursor.put(float(scene.data.x("steps", self._view.axis)[row]))
            self._screen.draw()
