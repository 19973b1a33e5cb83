"""Changing knobs: edit a value in a dialog, or nudge it and send the draft with enter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from asgml.storage.format.knobs import Value
from asgml.storage.format.safe_text import safe
from asgml.storage.format.value_text import setting
from asgml.storage.read.knob_changes import KnobChange
from asgml.tui.scene.scene import KnobState
from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.base import ActionGroup, DashboardScreen, Handler
from asgml.tui.screens.actions.trainer_requests import TrainerRequests
from asgml.tui.screens.dialogs import KnobDialog, KnobEdit, Prompt

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
            "undo": self._undo,
            "undo_weights": self._ask_undo_weights,
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
        def send(edit: KnobEdit | None) -> None:
            if edit is not None:
                self._selected = edit.knob.name
                self._set(edit.knob.name, edit.value, edit.for_steps, edit.reason)

        if self._requests.refused():
            return
        state = self.selected_knob()
        if state is None:
            self._screen.show_message("this run declares no knobs", "warning")
        else:
            self._screen.app.push_screen(
                KnobDialog(self._screen.scene.knobs, state.knob.name, self._steps_per_epoch()), send
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

    def _set(
        self, name: str, value: Value, for_steps: int | None = None, reason: str | None = None
    ) -> None:
        fields = {"knob": name, "value": value, "for_steps": for_steps, "note": reason}
        if self._requests.send("set", **fields):
            span = "" if for_steps is None else f" for {for_steps} steps"
            self._screen.show_message(f"asked for {safe(name)} = {setting(value)}{span}")

    def _undo(self) -> None:
        last = self._last_change()
        if last is not None and self._requests.send("undo", undoes=last.id):
            self._screen.show_message(f"asked to undo {_change_text(last)}")

    def _ask_undo_weights(self) -> None:
        last = self._last_change()
        if last is None:
            return

        def undo(reason: str | None) -> None:
            if reason is not None:
                self._requests.send("undo", undoes=last.id, weights=True, note=reason or None)

        hint = (
            f"Undo {_change_text(last)} of step {last.step}: the training goes back to the last "
            "checkpoint before it, and trains the steps since then again. Why (may stay empty):"
        )
        self._screen.app.push_screen(Prompt("Go back, weights too", hint), undo)

    def _last_change(self) -> KnobChange | None:
        """Return the change that can be undone; tell where there is none, or none may be."""
        if self._requests.refused():
            return None
        scene = self._screen.scene
        last = scene.history.changes.last(scene.progress.step)
        if last is None:
            self._screen.show_message("no knob was changed that could be undone")
        return last

    def _steps_per_epoch(self) -> int:
        manifest = self._screen.scene.manifest
        return manifest.steps_per_epoch if manifest else 0


def _change_text(change: KnobChange) -> str:
    return f"{safe(change.knob)} {setting(change.before)} → {setting(change.after)}"
