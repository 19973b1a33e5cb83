"""The command handler: takes requests at step boundaries, and carries out those that may be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from asgml.core.config.live_settings import LiveSettings
from asgml.core.run.command_answers import CommandAnswers
from asgml.core.run.command_checks import RefusedError, check_command, knob_of, split_of
from asgml.core.run.knob_changer import KnobChanger
from asgml.core.run.recorder import Recorder
from asgml.core.run.replays import Replay
from asgml.storage.commands.inbox import BadRequest, Inbox, Request
from asgml.storage.format.knobs import KnobError
from asgml.storage.format.safe_text import error_line
from asgml.storage.format.status import State
from asgml.storage.read.knob_changes import KnobChange, KnobChanges

PAUSE_POLL = 0.05
"""Seconds between two polls of the inbox while paused."""


class CommandTarget(Protocol):
    """The training that commands act on."""

    def save_checkpoint(self, why: str) -> None: ...

    def evaluate_now(self, split: str) -> dict[str, Any]: ...

    def go_back(self, change: KnobChange) -> dict[str, Any]:
        """Make ready to go on from the last checkpoint before a change, as if it was never made.

        Return fields of the answer. Raise RefusedError where there is no way back.
        """


class CommandHandler:
    """The inbox, the requests that wait for their step, and the flags paused and stopping."""

    def __init__(self, inbox: Inbox, live_settings: LiveSettings, recorder: Recorder) -> None:
        self.inbox = inbox
        self.live_settings = live_settings
        self.recorder = recorder
        self.stopping = False
        self.save_on_stop = True
        self.paused = False
        self.going_back = False
        self._answers = CommandAnswers(inbox, recorder)
        self._knobs = KnobChanger(live_settings, recorder)
        self._waiting: list[Request] = []

    @property
    def leaving(self) -> bool:
        """True once the training is to leave its loop, to end or to go back to a checkpoint."""
        return self.stopping or self.going_back

    @property
    def changed_at(self) -> int | None:
        """The step of the last knob change that can be undone, None without one."""
        last = self._knobs.changes.last(self.recorder.step)
        return None if last is None else last.step

    def restore(
        self, answered: set[str], replays: Sequence[Replay], changes: KnobChanges | None = None
    ) -> None:
        """Take over from the earlier segments of a resumed run, and from the run's schedule."""
        self._answers.answered = answered
        self._knobs.restore(replays, changes or KnobChanges())

    def process_pending(self, target: CommandTarget) -> None:
        """Handle all requests that are due. Returns when the training is not paused, or leaves."""
        self._knobs.make_due()
        self._poll(target)
        if self.paused and not self.leaving:
            self._wait_while_paused(target)

    def stop(self, *, save: bool = True) -> None:
        """End the training at the next step boundary."""
        self.stopping, self.save_on_stop = True, save

    def close(self) -> None:
        """Answer what is left: the run is over."""
        for item in [*self._waiting, *self.inbox.poll()]:
            if isinstance(item, BadRequest):
                self._answers.refuse_bad(item)
            elif not self._answers.remove_answered(item):
                self._answers.answer(item, "expired", reason="the run ended before it was due")
        self._waiting.clear()

    # -- when -------------------------------------------------------------------------

    def _wait_while_paused(self, target: CommandTarget) -> None:
        self.recorder.stopwatch.pause()
        self.recorder.set_state(State.PAUSED)
        while self.paused and not self.leaving:
            time.sleep(PAUSE_POLL)
            self._poll(target)
        self.recorder.stopwatch.start()
        # when leaving, the training itself publishes the next state
        if not self.leaving:
            self.recorder.set_state(State.RUNNING)

    def _poll(self, target: CommandTarget) -> None:
        for item in self.inbox.poll():
            if self.going_back:
                return  # the next segment takes what is left
            if isinstance(item, BadRequest):
                self._answers.refuse_bad(item)
            elif self._answers.remove_answered(item):
                continue
            elif item.at_step is not None and item.at_step > self.recorder.step:
                self._schedule(item)
            else:
                self._handle(item, target)
        if self._waiting:
            self._handle_due(target)

    def _handle_due(self, target: CommandTarget) -> None:
        now = time.time()
        for request in list(self._waiting):
            due = (request.at_step or 0) <= self.recorder.step
            if self.going_back:
                return
            if due or (request.expires is not None and now > request.expires):
                self._waiting.remove(request)
                self._handle(request, target)

    def _schedule(self, request: Request) -> None:
        """Keep a request for its step, in place of an earlier one for the same knob and step.

        One that could never be granted is refused now.
        """
        if request.kind == "set":
            try:
                slot = (knob_of(request, self.live_settings), request.at_step)
            except KnobError as refused:
                self._answers.answer(request, "rejected", reason=str(refused))
                return
            for other in [waiting for waiting in self._waiting if waiting.kind == "set"]:
                if (knob_of(other, self.live_settings), other.at_step) == slot:
                    self._waiting.remove(other)
                    self._answers.answer(other, "superseded", reason=f"replaced by {request.id}")
        self._waiting.append(request)

    # -- what -------------------------------------------------------------------------

    def _handle(self, request: Request, target: CommandTarget) -> None:
        if request.expires is not None and time.time() > request.expires:
            self._answers.answer(request, "expired", reason="it came too late")
            return
        try:
            fields = self._execute(request, target)
        except (RefusedError, KnobError) as refused:
            self._answers.answer(request, "rejected", reason=str(refused))
        except (OSError, RuntimeError) as failure:
            # a full disk, no memory left: the training itself can continue
            self._answers.answer(request, "rejected", reason=error_line(failure))
        else:
            self._answers.answer(request, "applied", **fields)

    def _execute(self, request: Request, target: CommandTarget) -> dict[str, Any]:
        """Do what is asked; return fields of the answer.

        Raise RefusedError or KnobError before anything is changed.
        """
        check_command(
            request,
            step=self.recorder.step,
            paused=self.paused,
            live_settings=self.live_settings,
        )
        match request.kind:
            case "pause" | "resume":
                self.paused = request.kind == "pause"
            case "stop":
                self.stop(save=request.how != "now")
                return {"how": request.how}
            case "set":
                return self._knobs.set(request)
            case "undo" if request.weights:
                return self._go_back(self._knobs.last(request), target)
            case "undo":
                return self._knobs.undo(request)
            case "checkpoint":
                target.save_checkpoint("asked for")
            case "evaluate":
                return target.evaluate_now(split_of(request))
        return {}

    def _go_back(self, change: KnobChange, target: CommandTarget) -> dict[str, Any]:
        fields = target.go_back(change)
        self.going_back = True
        return {"undo": change.id, "knob": change.knob, "after": change.before, **fields}
