"""The command handler: takes requests at step boundaries, and carries out those that may be."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from asgml.core.config.live_settings import LiveSettings
from asgml.core.run.command_answers import CommandAnswers
from asgml.core.run.command_checks import RefusedError, check_command, knob_of, split_of
from asgml.core.run.recorder import Recorder
from asgml.core.run.replays import Replay
from asgml.storage.commands.inbox import BadRequest, Inbox, Request
from asgml.storage.format.knobs import KnobError
from asgml.storage.format.safe_text import error_line
from asgml.storage.format.status import State

PAUSE_POLL = 0.05
"""Seconds between two polls of the inbox while paused."""


class CommandTarget(Protocol):
    """The training that commands act on."""

    def save_checkpoint(self, why: str) -> None: ...

    def evaluate_now(self, split: str) -> dict[str, Any]: ...


class CommandHandler:
    """The inbox, the requests that wait for their step, and the flags paused and stopping."""

    def __init__(self, inbox: Inbox, live_settings: LiveSettings, recorder: Recorder) -> None:
        self.inbox = inbox
        self.live_settings = live_settings
        self.recorder = recorder
        self.stopping = False
        self.save_on_stop = True
        self.paused = False
        self._answers = CommandAnswers(inbox, recorder)
        self._waiting: list[Request] = []
        self._replays: list[Replay] = []

    def restore(self, answered: set[str], replays: Sequence[Replay]) -> None:
        """Take over from the earlier segments of a resumed run, and from the run's schedule."""
        self._answers.answered = answered
        # a stable sort: two changes at one step keep their order
        self._replays = sorted(replays, key=lambda replay: replay.step)

    def process_pending(self, target: CommandTarget) -> None:
        """Handle all requests that are due. Returns when the training is not paused, or stops."""
        self._replay_due()
        self._poll(target)
        if self.paused and not self.stopping:
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
        while self.paused and not self.stopping:
            time.sleep(PAUSE_POLL)
            self._poll(target)
        self.recorder.stopwatch.start()
        # when stopping, the training itself publishes the next state
        if not self.stopping:
            self.recorder.set_state(State.RUNNING)

    def _poll(self, target: CommandTarget) -> None:
        for item in self.inbox.poll():
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

    def _replay_due(self) -> None:
        while self._replays and self._replays[0].step <= self.recorder.step:
            replay = self._replays.pop(0)
            name, before, after = self.live_settings.set(replay.knob, replay.value)
            if before == after and not replay.schedule:
                continue
            message = f"{name} {before} → {after} {replay.reason}"
            fields = {"knob": name, "before": before, "after": after}
            fields |= {"schedule": replay.schedule} if replay.schedule else {}
            self.recorder.event("phase", message=message, **fields)

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
                name, before, after = self.live_settings.set(request.knob or "", request.value)
                return {"knob": name, "before": before, "after": after}
            case "checkpoint":
                target.save_checkpoint("asked for")
            case "evaluate":
                return target.evaluate_now(split_of(request))
        return {}
