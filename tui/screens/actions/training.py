"""Steering the training: pause, checkpoint, evaluate, note, stop."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from asgml.tui.scene.control import Control
from asgml.tui.scene.view_state import View
from asgml.tui.screens.actions.base import ActionGroup, DashboardScreen, Handler
from asgml.tui.screens.actions.trainer_requests import TrainerRequests
from asgml.tui.screens.dialogs import Prompt, StopDialog

if TYPE_CHECKING:
    from asgml.tui.session.session import Session


class TrainingActions(ActionGroup):
    """Handlers that send requests without a value. The answer comes as an event of the run."""

    def __init__(
        self, session: Session, view: View, screen: DashboardScreen, requests: TrainerRequests
    ) -> None:
        super().__init__(session, view, screen)
        self._requests = requests

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "pause": self._pause_or_resume,
            "checkpoint": partial(self._send, "checkpoint"),
            "evaluate": partial(self._send, "evaluate"),
            "note": self._ask_note,
            "stop": self._ask_stop,
            "control": self._control,
        }

    def _send(self, kind: str) -> None:
        self._requests.send(kind)

    def _pause_or_resume(self) -> None:
        self._send("resume" if self._screen.scene.state == "paused" else "pause")

    def _ask_note(self) -> None:
        def write(text: str | None) -> None:
            if text:
                self._requests.send("note", note=text)

        if not self._requests.refused():
            hint = "stored as an event at this step"
            self._screen.app.push_screen(Prompt("Note", hint, check=_check_note), write)

    def _control(self) -> None:
        """Release control, or take it: after a question where another dashboard has it."""
        control = self._screen.scene.control
        if refusal := self._session.look_only():
            self._screen.show_message(refusal, "warning")
        elif control.foreign:
            self._ask_control(control)
        else:
            self._session.control(take=not control.mine)
            released = "control is released: anyone may steer"
            self._screen.show_message(released if control.mine else "you steer; t releases it")

    def _ask_control(self, control: Control) -> None:
        def take(text: str | None) -> None:
            if text is not None:
                self._session.control(take=True)

        hint = f"{control.text}. It is told of it, and can take control back."
        self._screen.app.push_screen(Prompt("Take over control?", hint), take)

    def _ask_stop(self) -> None:
        def stop(how: str | None) -> None:
            if how == "kill":
                self._ask_kill()
            elif how is not None:
                self._requests.send("stop", how=how)

        if not self._requests.refused():
            scene = self._screen.scene
            dialog = StopDialog(scene.name, scene.trainer.pid, scene.trainer.same_host)
            self._screen.app.push_screen(dialog, stop)

    def _ask_kill(self) -> None:
        def kill(text: str | None) -> None:
            if text is not None:
                self._requests.kill()

        pid = self._screen.scene.trainer.pid
        lost = "the work since the last checkpoint is lost"
        hint = f"SIGKILL to pid {pid}: {lost}. Type kill to do it."
        dialog = Prompt("Kill the training process", hint, check=_check_kill)
        self._screen.app.push_screen(dialog, kill)


def _check_note(text: str) -> str:
    return "" if text.strip() else "a note needs some words"


def _check_kill(text: str) -> str:
    return "" if text.strip() == "kill" else "type the word kill, or leave with esc"
