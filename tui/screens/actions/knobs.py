"""Changing knobs: edit a value in a dialog, or nudge it and send the draft with enter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from asgml.storage.format.knobs import Knob, Value
from asgml.storage.format.value_text import setting
from asgml.tui.scene.scene import KnobState
from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.base import ActionGroup, DashboardScreen, Handler
from asgml.tui.screens.actions.trainer_requests import TrainerRequests
from asgml.tui.screens.dialogs import KnobDialog

if TYPE_CHECKING:
    from asgml.tui.session.session import Session


class KnobActions(ActionGroup):
    """Handlers that change knobs. `draft` is the nudged knob with its value, not sent yet."""

    def __init__(
        self, session: Session, view: View, screen: DashboardScreen, requests: TrainerRequests
    ) -> None:
        super().__init__(session, view, screen)
        self._requests = requests
        self._selected = ""
        self.draft: tuple[str, Value] | None = None

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "edit": self._edit,
            "nudge_up": partial(self._nudge, 1),
            "nudge_down": partial(self._nudge, -1),
            "next_knob": partial(self._select, 1),
            "previous_knob": partial(self._select, -1),
        }

    def selected_knob(self) -> KnobState | None:
        """Return the selected knob, at first the one in the status line; None without knobs."""
        scene = self._screen.scene
        named = (state for state in scene.knobs if state.knob.name == self._selected)
        return next(named, None) or scene.main_knob

    def pick(self, name: str) -> None:
        """Select a knob; the one that is selected already opens for editing."""
        state = self.selected_knob()
        if state is not None and state.knob.name == name and self._selected == name:
            self._edit()
            return
        self._selected, self.draft = name, None
        self._screen.draw()

    def send_draft(self) -> bool:
        """Send a nudged knob. Return False where there is none."""
        if self.draft is None:
            return False
        (name, value), self.draft = self.draft, None
        self._set(name, value)
        self._screen.draw()
        return True

    def _select(self, places: int) -> None:
        names = [state.knob.name for state in self._screen.scene.knobs]
        state = self.selected_knob()
        if state is not None:
            self._selected = names[(names.index(state.knob.name) + places) % len(names)]
            # a draft belongs to the knob that was selected
            self.draft = None
            self._screen.draw()

    def _edit(self) -> None:
        def send(answer: tuple[Knob, Value] | None) -> None:
            if answer is not None:
                knob, value = answer
                self._selected = knob.name
                self._set(knob.name, value)

        if self._requests.refused():
            return
        state = self.selected_knob()
        if state is None:
            self._screen.show_message("this run declares no knobs", "warning")
        else:
            self._screen.app.push_screen(
                KnobDialog(self._screen.scene.knobs, state.knob.name), send
            )

    def _nudge(self, ticks: int) -> None:
        """Move the draft of the selected knob; it starts at the value the trainer acknowledged."""
        state = self.selected_knob()
        if self._requests.refused() or state is None:
            return
        name, value = state.knob.name, state.value
        if self.draft is not None and self.draft[0] == name:
            value = self.draft[1]
        self.draft = (name, state.knob.nudged(value, ticks))
        self._selected = name
        self._screen.draw()

    def _set(self, name: str, value: Value) -> None:
        if self._requests.send("set", knob=name, value=value):
            self._screen.show_message(f"asked for {name} = {setting(value)}")
