"""The command handler: takes requests at step boundaries, and answers each exactly once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from asgml.core.config.live_settings import LiveSettings
from asgml.core.run.recorder import Recorder
from asgml.core.run.replays import Replay
from asgml.storage.commands.inbox import BadRequest, Inbox, Request
from asgml.storage.format.knobs import KnobError, find_knob
from asgml.storage.format.safe_text import error_line
from asgml.storage.format.status import State

PAUSE_POLL = 0.05
"""Seconds between two polls of the inbox while paused."""


class RefusedError(Exception):
    """A request that cannot be granted; the message is the reason."""


class CommandTarget(Protocol):
    """The training that commands act on."""

    def save_checkpoint(self, why: str) -> None: ...

    def evaluate_now(self, split: str) -> dict[str, Any]: ...


class CommandHandler:
    """Holds the inbox, the requests that wait for their step, and the flags paused and stopping."""

    def __init__(self, inbox: Inbox, live_settings: LiveSettings, recorder: Recorder) -> None:
        self.inbox = inbox
        self.live_settings = live_settings
        self.recorder = recorder
        self.stopping = False
        self.save_on_stop = True
        self.paused = False
        self._waiting: list[Request] = []
        self._answered: set[str] = set()
        self._replays: list[Replay] = []

    def restore(self, answered: set[str], replays: Sequence[Replay]) -> None:
        """Take over from the earlier segments of a resumed run."""
        self._answered = answered
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
                self._refuse_bad(item)
            elif item.id in self._answered:
                self.inbox.done(item.id)
            else:
                self._answer(item, "expired", reason="the run ended before it was due")
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
                self._refuse_bad(item)
            elif item.id in self._answered:
                # its answer was published, and the process ended before it removed the file
                self.inbox.done(item.id)
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
        try:
            knob = self._knob_of(request)
        except KnobError as refused:
            self._answer(request, "rejected", reason=str(refused))
            return
        slot = (knob, request.at_step)
        for other in list(self._waiting):
            if knob is not None and (self._knob_of(other), other.at_step) == slot:
                self._waiting.remove(other)
                self._answer(other, "superseded", reason=f"replaced by {request.id}")
        self._waiting.append(request)

    def _knob_of(self, request: Request) -> str | None:
        """Return the full name of the knob to set, None for other kinds.

        Raises KnobError for a name or a value that cannot be.
        """
        if request.kind != "set":
            return None
        knob = find_knob(request.knob or "", self.live_settings.knobs)
        knob.parse(request.value)
        return knob.name

    def _replay_due(self) -> None:
        while self._replays and self._replays[0].step <= self.recorder.step:
            replay = self._replays.pop(0)
            name, before, after = self.live_settings.set(replay.knob, replay.value)
            if before == after:
                continue
            message = f"{name} {before} → {after} again, as before the resume"
            self.recorder.event("phase", message=message, knob=name, before=before, after=after)

    # -- what -------------------------------------------------------------------------

    def _handle(self, request: Request, target: CommandTarget) -> None:
        if request.expires is not None and time.time() > request.expires:
            self._answer(request, "expired", reason="it came too late")
            return
        try:
            fields = self._execute(request, target)
        except (RefusedError, KnobError) as refused:
            self._answer(request, "rejected", reason=str(refused))
        except (OSError, RuntimeError) as failure:
            # a full disk, no memory left: the training itself can continue
            self._answer(request, "rejected", reason=error_line(failure))
        else:
            self._answer(request, "applied", **fields)

    def _execute(self, request: Request, target: CommandTarget) -> dict[str, Any]:
        """Do what is asked; return fields of the answer.

        Raises RefusedError or KnobError, and then has changed nothing.
        """
        if request.at_step is not None and request.at_step < self.recorder.step:
            raise RefusedError(
                f"step {request.at_step} is past: the training is at step {self.recorder.step}"
            )
        match request.kind:
            case "pause":
                return self._pause()
            case "resume":
                return self._resume()
            case "stop":
                self.stop(save=request.how != "now")
                return {"how": request.how}
            case "set":
                return self._set(request)
            case "checkpoint":
                target.save_checkpoint("asked for")
                return {}
            case "evaluate":
                return self._evaluate(str(request.value or "val"), target)
            case "note":
                return {}
        raise RefusedError(f"unknown command {request.kind!r}")

    def _pause(self) -> dict[str, Any]:
        if self.paused:
            raise RefusedError("the training is paused already")
        self.paused = True
        return {}

    def _resume(self) -> dict[str, Any]:
        if not self.paused:
            raise RefusedError("the training is not paused")
        self.paused = False
        return {}

    def _evaluate(self, split: str, target: CommandTarget) -> dict[str, Any]:
        if split not in ("val", "test"):
            raise RefusedError(f"evaluate {split!r}: expected val or test")
        return target.evaluate_now(split)

    def _set(self, request: Request) -> dict[str, Any]:
        knob = find_knob(request.knob or "", self.live_settings.knobs)
        present = self.live_settings.values[knob.name]
        if request.if_value is not None and knob.parse(request.if_value) != present:
            raise RefusedError(f"{knob.name} is {present}, not {request.if_value}")
        name, before, after = self.live_settings.set(knob.name, request.value)
        return {"knob": name, "before": before, "after": after}

    # -- the answer -------------------------------------------------------------------

    def _refuse_bad(self, bad: BadRequest) -> None:
        """Answer a file that is no request, under its file name. The inbox sets it aside."""
        if bad.id not in self._answered:
            fields = {"id": bad.id, "command": "", "answer": "rejected", "reason": bad.reason}
            self._publish(bad.id, fields)

    def _answer(self, request: Request, answer: str, **fields: Any) -> None:
        common = {
            "id": request.id,
            "command": request.kind,
            "answer": answer,
            "issuer": request.issuer,
            # not below 0: on a shared disk the sender's clock may be ahead
            "latency": round(max(0.0, time.time() - request.created), 3),
            "note": request.note,
            "knob": request.knob,
            "value": request.value,
        }
        self._publish(request.id, {**common, **fields})

    def _publish(self, id: str, fields: dict[str, Any]) -> None:
        """Publish the answer, and only then remove the request.

        So a crash between the two can neither lose the request nor have it done twice.
        """
        self._answered.add(id)
        present = {name: value for name, value in fields.items() if value is not None}
        self.recorder.event("command", **present)
        if self.recorder.writer.flush():
            self.inbox.done(id)
