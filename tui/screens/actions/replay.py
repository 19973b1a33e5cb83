"""Moving a replay: play, single steps, seeking, interventions, speed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from asgml.storage.format.events import MAX_STEP
from asgml.storage.read.clock import ReplayClock
from asgml.tui.screens.actions.base import ActionGroup, Handler
from asgml.tui.screens.dialogs import Prompt

_SPEEDS = {"speed_1": 1.0, "speed_2": 4.0, "speed_3": 16.0, "speed_4": 64.0, "speed_5": 256.0}
"""Seconds of training in a second, by key; each key is four times faster than the one before."""


class ReplayActions(ActionGroup):
    """Handlers that move the clock of a replay, which changes in the reading thread only."""

    def handlers(self) -> Mapping[str, Handler]:
        speeds = {id: partial(self._set_speed, speed) for id, speed in _SPEEDS.items()}
        return speeds | {
            "play": partial(self._session.replay, ReplayClock.toggle),
            "step_back": partial(self._step, -1),
            "step_on": partial(self._step, 1),
            "step_back_10": partial(self._step, -10),
            "step_on_10": partial(self._step, 10),
            "to_start": partial(self._session.replay, ReplayClock.home),
            "to_end": partial(self._session.replay, ReplayClock.end),
            "seek": self._ask_step,
            "next_mark": partial(self._session.to_mark, 1),
            "previous_mark": partial(self._session.to_mark, -1),
        }

    def _step(self, rows: int) -> None:
        def hold_and_step(clock: ReplayClock) -> None:
            clock.pause()
            clock.step(rows)

        self._session.replay(hold_and_step)

    def seek_share(self, share: float) -> None:
        """Move to the step with this share of the run's rows before it."""
        self._session.replay(lambda clock: clock.seek_share(share))

    def _set_speed(self, speed: float) -> None:
        def change(clock: ReplayClock) -> None:
            clock.speed = speed

        self._session.replay(change)

    def _ask_step(self) -> None:
        def seek(text: str | None) -> None:
            if text is not None:
                step = min(int(text), MAX_STEP)
                self._session.replay(lambda clock: clock.seek(step))
                if step > last:
                    self._screen.show_message(
                        f"step {step} is beyond the end: at the last one, {last}"
                    )

        transport = self._screen.scene.transport
        last = transport.last_step if transport is not None else 0
        hint = f"a step from 0 to {last}"
        self._screen.app.push_screen(Prompt("Go to step", hint, check=_check_step), seek)


def _check_step(text: str) -> str:
    return "" if text.strip().isdecimal() else f"{text!r}: expected a whole number"
