"""The tools of `asgml mcp --steer`: requests to a trainer, as those of `asgml ctl`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from asgml.app.commands.ctl import ask
from asgml.app.control_arguments import Action, ControlArguments
from asgml.app.mcp.answers import answer
from asgml.app.mcp.folder import Folder
from asgml.app.mcp.reading import RunName
from asgml.app.mcp.tools import ADDS, CHANGES, Tool
from asgml.storage.read.event_text import reply_text
from asgml.storage.read.summary import event_record

VIA = "mcp"
"""Stands behind the user's name in the events of a run."""
WAIT_SECONDS = 30.0


class Steering:
    """The tools that ask a trainer for something and give its answer."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def tools(self) -> list[Tool]:
        adds = (
            self.pause_training,
            self.resume_training,
            self.save_checkpoint,
            self.evaluate_now,
            self.write_note,
        )
        changes = (self.stop_training, self.set_knob, self.undo_change)
        return [*((one, ADDS) for one in adds), *((one, CHANGES) for one in changes)]

    def pause_training(self, run: RunName) -> dict[str, Any]:
        """Hold a training after its step; resume_training goes on. Its weights stay as they are."""
        return self._ask(run, ControlArguments(Action.PAUSE))

    def resume_training(self, run: RunName) -> dict[str, Any]:
        """Let a paused training go on. A run without a trainer is resumed by its user alone."""
        return self._ask(run, ControlArguments(Action.RESUME))

    def stop_training(
        self,
        run: RunName,
        how: Annotated[
            Literal["after_step", "now"], Field(description="now: without a checkpoint")
        ] = "after_step",
    ) -> dict[str, Any]:
        """End a training, with a checkpoint from which its user may resume it."""
        return self._ask(run, ControlArguments(Action.STOP, now=how == "now"))

    def save_checkpoint(self, run: RunName) -> dict[str, Any]:
        """Save a checkpoint of a training now."""
        return self._ask(run, ControlArguments(Action.CHECKPOINT))

    def evaluate_now(self, run: RunName) -> dict[str, Any]:
        """Evaluate a training on its validation split now."""
        return self._ask(run, ControlArguments(Action.EVALUATE))

    def set_knob(
        self,
        run: RunName,
        knob: Annotated[str, Field(description="a name of show_config", max_length=200)],
        value: float | bool | str,
        only_if: Annotated[
            float | bool | str | None, Field(description="set only if it has this value now")
        ] = None,
        span: Annotated[
            str | None, Field(description="then back, such as `500 steps` or `2 epochs`")
        ] = None,
        reason: Annotated[
            str | None, Field(description="why: kept with the answer", max_length=2000)
        ] = None,
    ) -> dict[str, Any]:
        """Set a knob of a training; from that step on it counts, and the weights it made stay."""
        expected = None if only_if is None else _typed(only_if)
        values = [f"{knob}={_typed(value)}"]
        given = ControlArguments(Action.SET, values, if_value=expected, for_=span, reason=reason)
        return self._ask(run, given)

    def undo_change(self, run: RunName) -> dict[str, Any]:
        """Set the knob that was changed last back to what it was; the weights stay as they are."""
        return self._ask(run, ControlArguments(Action.UNDO))

    def write_note(
        self, run: RunName, text: Annotated[str, Field(min_length=1, max_length=2000)]
    ) -> dict[str, Any]:
        """Write a note into a run's events, beside the step at which it arrives."""
        return self._ask(run, ControlArguments(Action.NOTE, [text]))

    def _ask(self, run: str, given: ControlArguments) -> dict[str, Any]:
        event = ask(self._folder.open(run), given, WAIT_SECONDS, via=VIA)
        return answer(
            answer=event.get("answer"),
            step=event.step,
            text=reply_text(event),
            event=event_record(event),
        )


def _typed(value: float | bool | str) -> str:
    """Return a value as a user would type it: true, not True."""
    return str(value).lower() if isinstance(value, bool) else str(value)
