"""What keys do to the training and to a replay. Everything that reaches the trainer goes through the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from asgml.storage.format.knobs import Knob, Value
from asgml.storage.format.value_text import setting
from asgml.storage.read.clock import ReplayClock
from asgml.tui.keys import SPEEDS
from asgml.tui.scene.scene import KnobState, Scene
from asgml.tui.screens.base import ScreenPart
from asgml.tui.screens.dialogs import KnobDialog, Prompt, StopDialog

if TYPE_CHECKING:
    from asgml.tui.session.session import Session


class Steering(ScreenPart):
    """Keys of the groups `training` and `replay`."""

    if TYPE_CHECKING:
        session: Session
        scene: Scene

    draft: tuple[str, Value] | None = None
    selected_knob: str = ""

    def request(self, kind: str, **fields: object) -> bool:
        """Sends a request, or says why not."""
        refusal = self.session.send(kind, **fields)  # type: ignore[arg-type]
        if refusal:
            self.tell(refusal, "warning")
        return not refusal

    def refused(self) -> bool:
        """Says why the training cannot be steered, before a dialog is opened in vain."""
        refusal = self.session.refusal()
        if refusal:
            self.tell(refusal, "warning")
        return bool(refusal)

    def do_pause(self) -> None:
        self.request("resume" if self.scene.state == "paused" else "pause")

    def do_checkpoint(self) -> None:
        self.request("checkpoint")

    def do_evaluate(self) -> None:
        self.request("evaluate")

    def do_note(self) -> None:
        def write(text: str | None) -> None:
            if text:
                self.request("note", note=text)

        if not self.refused():
            self.app.push_screen(
                Prompt("Note", "stored as an event at this step", check=_not_empty), write
            )

    def do_stop(self) -> None:
        def stop(how: str | None) -> None:
            if how == "kill":
                self._ask_kill()
            elif how is not None:
                self.request("stop", how=how)

        if not self.refused():
            self.app.push_screen(
                StopDialog(self.scene.name, self.scene.trainer.pid, self.scene.trainer.same_host),
                stop,
            )

    def _ask_kill(self) -> None:
        def kill(text: str | None) -> None:
            if text is not None and (refusal := self.session.kill()):
                self.tell(refusal, "warning")

        hint = f"SIGKILL to pid {self.scene.trainer.pid}: the work since the last checkpoint is lost. Type kill to do it."
        check = lambda text: (
            "" if text.strip() == "kill" else "type the word kill, or leave with esc"
        )
        self.app.push_screen(Prompt("Kill the training process", hint, check=check), kill)

    # knobs

    def knob(self) -> KnobState | None:
        """The selected knob, at first the one in the status line."""
        chosen = next(
            (state for state in self.scene.knobs if state.knob.name == self.selected_knob), None
        )
        return chosen or self.scene.main_knob

    def do_next_knob(self, step: int = 1) -> None:
        names = [state.knob.name for state in self.scene.knobs]
        state = self.knob()
        if state is not None:
            self.selected_knob = names[(names.index(state.knob.name) + step) % len(names)]
            self.draft = None
            self.draw()

    def do_previous_knob(self) -> None:
        self.do_next_knob(-1)

    def do_edit(self) -> None:
        def send(answer: tuple[Knob, Value] | None) -> None:
            if answer is not None:
                self.selected_knob = answer[0].name
                self.set_knob(answer[0].name, answer[1])

        state = self.knob()
        if self.refused():
            return
        if state is None:
            self.tell("this run declares no knobs", "warning")
            return
        self.app.push_screen(KnobDialog(self.scene.knobs, state.knob.name), send)

    def do_nudge_up(self) -> None:
        self._nudge(1)

    def do_nudge_down(self) -> None:
        self._nudge(-1)

    def _nudge(self, ticks: int) -> None:
        state = self.knob()
        if self.refused() or state is None:
            return
        value = (
            self.draft[1]
            if self.draft is not None and self.draft[0] == state.knob.name
            else state.value
        )
        self.draft = (state.knob.name, state.knob.nudged(value, ticks))
        self.selected_knob = state.knob.name
        self.draw()

    def set_knob(self, name: str, value: Value) -> None:
        if self.request("set", knob=name, value=value):
            self.tell(f"asked for {name} = {setting(value)}")

    def send_draft(self) -> bool:
        """Enter: sends a nudged knob. True if there was one."""
        if self.draft is None:
            return False
        (name, value), self.draft = self.draft, None
        self.set_knob(name, value)
        self.draw()
        return True

    # replay

    def _clock(self, change: Callable[[ReplayClock], object]) -> None:
        self.session.replay(change)

    def do_play(self) -> None:
        self._clock(lambda clock: clock.toggle())

    def do_step_back(self) -> None:
        self._clock(lambda clock: _hold(clock, -1))

    def do_step_on(self) -> None:
        self._clock(lambda clock: _hold(clock, 1))

    def do_step_back_10(self) -> None:
        self._clock(lambda clock: _hold(clock, -10))

    def do_step_on_10(self) -> None:
        self._clock(lambda clock: _hold(clock, 10))

    def do_to_start(self) -> None:
        self._clock(lambda clock: clock.home())

    def do_to_end(self) -> None:
        self._clock(lambda clock: clock.end())

    def do_seek(self) -> None:
        def seek(text: str | None) -> None:
            if text is not None:
                self.seek(int(text))

        hint = f"a step from 0 to {self.scene.total or self.scene.progress.step}"
        self.app.push_screen(Prompt("Go to step", hint, check=_whole_number), seek)

    def seek(self, step: int) -> None:
        self._clock(lambda clock: clock.seek(step))

    def do_next_mark(self) -> None:
        self.session.to_mark(1)

    def do_previous_mark(self) -> None:
        self.session.to_mark(-1)

    def do_speed(self, id: str) -> None:
        self._clock(lambda clock: setattr(clock, "speed", SPEEDS[id]))


def _hold(clock: ReplayClock, rows: int) -> None:
    clock.pause()
    clock.step(rows)


def _not_empty(text: str) -> str:
    return "" if text.strip() else "a note needs some words"


def _whole_number(text: str) -> str:
    return "" if text.strip().isdecimal() else f"{text!r}: expected a whole number"
