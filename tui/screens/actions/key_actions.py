"""All groups of keys together: the handler of every row in the table of keys."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from asgml.tui.keys.table import keys_for
from asgml.tui.scene.log_lines import LogLine
from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.base import ActionGroup, DashboardScreen, Handler, KeyHandlers
from asgml.tui.screens.actions.browse import BrowseActions
from asgml.tui.screens.actions.copying import CopyActions
from asgml.tui.screens.actions.cursor import CursorActions
from asgml.tui.screens.actions.files import FileActions
from asgml.tui.screens.actions.knobs import KnobActions
from asgml.tui.screens.actions.pointer import PointerActions
from asgml.tui.screens.actions.program import ProgramActions
from asgml.tui.screens.actions.replay import ReplayActions
from asgml.tui.screens.actions.runs import RunActions
from asgml.tui.screens.actions.selection import SelectionActions
from asgml.tui.screens.actions.trainer_requests import TrainerRequests
from asgml.tui.screens.actions.training import TrainingActions
from asgml.tui.screens.actions.window import WindowActions
from asgml.tui.terminal.app_protocol import app_of

if TYPE_CHECKING:
    from asgml.tui.session.session import Session


class KeyActions(ActionGroup):
    """The groups, freezing, and the keys that mean something in several: enter and escape."""

    def __init__(self, session: Session, view: View, screen: DashboardScreen) -> None:
        super().__init__(session, view, screen)
        requests = TrainerRequests(session, screen)
        cursor, window = CursorActions(view, screen), WindowActions(view, screen)
        self.knobs = KnobActions(session, view, screen, requests)
        self.runs = RunActions(session, view, screen)
        self.selection = SelectionActions(view, screen, cursor)
        self.pointer = PointerActions(view, screen, self.selection, cursor, window)
        self.replay = ReplayActions(session, view, screen)
        self._browse = BrowseActions(session, view, screen, cursor)
        self.groups: tuple[KeyHandlers, ...] = (
            self,
            TrainingActions(session, view, screen, requests),
            self.knobs,
            self.replay,
            self.selection,
            window,
            cursor,
            self._browse,
            self.runs,
            FileActions(session, view, screen),
            CopyActions(session, view, screen, self.knobs),
            ProgramActions(view, screen),
        )
        handlers = {id: run for group in self.groups for id, run in group.handlers().items()}
        # looked up by row: a row without a handler fails here, not when its key is pressed
        self._by_id = {key.id: handlers[key.id] for key in keys_for(session.clock_kind)}

    def run(self, id: str) -> None:
        """Run the handler of a row of the table of keys."""
        self._by_id[id]()

    def pick(self, pick: object) -> None:
        """Do what a click on a line of a panel means: by what the line stands for."""
        if isinstance(pick, LogLine):
            self._browse.jump_to(pick)
        elif isinstance(pick, Path):
            app_of(self._screen.app).navigation.open_run(pick)
        elif isinstance(pick, str):
            self.knobs.pick(pick)

    def handlers(self) -> Mapping[str, Handler]:
        return {"open": self._open, "back": self._back, "freeze": self._freeze}

    def _open(self) -> None:
        if not self.knobs.send_draft() and self._screen.panels:
            self._screen.set_solo(not self._view.solo)

    def _back(self) -> None:
        """Undo one thing: a nudged knob, else the cursor, the single chart, the filter.

        Where nothing is left to undo, go back to the list that the run was opened from.
        """
        view = self._view
        if self.knobs.draft is not None:
            self.knobs.draft = None
        elif view.cursor is not None:
            view.cursor = None
        elif view.solo:
            self._screen.set_solo(False)
        elif view.filter_text:
            view.filter_text = ""
        else:
            app_of(self._screen.app).navigation.back()
        self._screen.draw()

    def _freeze(self) -> None:
        self._view.frozen = not self._view.frozen
        self._screen.draw()
