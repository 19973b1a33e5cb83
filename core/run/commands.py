"""The command command_handler: takes requests at step boundaries, has them done or refused, and answers each exactly once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from asgml.core.config.live_settings import LiveSettings
from asgml.core.run.recorder import Recorder
from asgml.storage.commands.inbox import BadRequest, Inbox, Request
from asgml.storage.format.events import Event
from asgml.storage.format.knobs import KnobError, Value, find_knob
from asgml.storage.format.status import State

PAUSE_LOOK = 0.05
"""Seconds between two looks into the inbox while paused."""


class RefusedError(Exception):
    """A request that cannot be granted; the message is the reason."""


class CommandTarget(Protocol):
    """What the desk asks of the trainer."""

    def save_checkpoint(self, why: str) -> None: ...

    def evaluate_now(self, split: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Replay:
    """A change that a person made after the checkpoint a resumed run starts from; it is made again at the same step."""

    step: int
    knob: str
    value: Value


class CommandHandler:
    """Owns the inbox, what waits for its step, and whether the training is paused or stopping."""

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
        """Tells a resumed run what was answered before it, and what it has to do again."""
        self._answered = answered
        self._replays = sorted(replays, key=lambda replay: replay.step)

    def process_pending(self, trainer: CommandTarget) -> None:
        """Takes all requests that are due; while paused, stays here until told to go on or to stop."""
        self._replay_due()
        self._take(trainer)
        if self.paused and not self.stopping:
            self._hold(trainer)

    def stop(self, *, save: bool = True) -> None:
        """Ends the training at the next step boundary."""
        self.stopping, self.save_on_stop = True, save

    def close(self) -> None:
        """Answers what is still there: the run is over."""
        for item in [*self._waiting, *self.inbox.poll()]:
            if isinstance(item, BadRequest):
                self._refuse_bad(item)
            elif item.id in self._answered:
                self.inbox.done(item.id)
            else:
                self._answer(item, "expired", reason="the run ended before it was due")
        self._waiting.clear()

    def _hold(self, trainer: CommandTarget) -> None:
        self.recorder.stopwatch.pause()
        self.recorder.set_state(State.PAUSED)
        while self.paused and not self.stopping:
            time.sleep(PAUSE_LOOK)
            self._take(trainer)
        self.recorder.stopwatch.go_on()
        if not self.stopping:
            self.recorder.set_state(State.RUNNING)

    def _take(self, trainer: CommandTarget) -> None:
        for item in self.inbox.poll():
            if isinstance(item, BadRequest):
                self._refuse_bad(item)
            elif item.id in self._answered:
                self.inbox.done(item.id)
            elif item.at_step is not None and item.at_step > self.recorder.step:
                self._wait(item)
            else:
                self._handle(item, trainer)
        if self._waiting:
            self._take_due(trainer)

    def _take_due(self, trainer: CommandTarget) -> None:
        now = time.time()
        for request in list(self._waiting):
            due = (request.at_step or 0) <= self.recorder.step
            if due or (request.expires is not None and now > request.expires):
                self._waiting.remove(request)
                self._handle(request, trainer)

    def _wait(self, request: Request) -> None:
        """Keeps a request for its step, if it can be granted; a later one for the same knob and step takes an earlier one's place."""
        try:
            knob = self._knob_of(request)
        except KnobError as refused:
            self._answer(request, "rejected", reason=str(refused))
            return
        for other in list(self._waiting):
            if knob is not None and (self._knob_of(other), other.at_step) == (
                knob,
                request.at_step,
            ):
                self._waiting.remove(other)
                self._answer(other, "superseded", reason=f"replaced by {request.id}")
        self._waiting.append(request)

    def _knob_of(self, request: Request) -> str | None:
        """Full name of the knob that a request would turn. Raises KnobError where it could not be turned to that value."""
        if request.kind != "set":
            return None
        knob = find_knob(request.knob or "", self.live_settings.knobs)
        knob.parse(request.value)
        return knob.name

    def _handle(self, request: Request, trainer: CommandTarget) -> None:
        if request.expires is not None and time.time() > request.expires:
            self._answer(request, "expired", reason="it came too late")
            return
        try:
            done = self._do(request, trainer)
        except (RefusedError, KnobError) as refused:
            self._answer(request, "rejected", reason=str(refused))
        except (
            OSError,
            RuntimeError,
        ) as failure:  # a full disk, no memory left: the training itself can go on
            self._answer(
                request,
                "rejected",
                reason=f"{type(failure).__name__}: {' '.join(str(failure).split())}",
            )
        else:
            self._answer(request, "applied", **done)

    def _do(self, request: Request, trainer: CommandTarget) -> dict[str, Any]:
        """Does what is asked and returns what the answer should say. Raises RefusedError or KnobError and does nothing."""
        if request.at_step is not None and request.at_step < self.recorder.step:
            raise RefusedError(
                f"step {request.at_step} is past: the training is at step {self.recorder.step}"
            )
        match request.kind:
            case "pause":
                return self._pause()
            case "resume":
                return self._go_on()
            case "stop":
                self.stop(save=request.how != "now")
                return {"how": request.how}
            case "set":
                return self._set(request)
            case "checkpoint":
                trainer.save_checkpoint("asked for")
                return {}
            case "evaluate":
                return self._evaluate(str(request.value or "val"), trainer)
            case "note":
                return {}
        raise RefusedError(f"unknown command {request.kind!r}")

    def _pause(self) -> dict[str, Any]:
        if self.paused:
            raise RefusedError("the training is paused already")
        self.paused = True
        return {}

    def _go_on(self) -> dict[str, Any]:
        if not self.paused:
            raise RefusedError("the training is not paused")
        self.paused = False
        return {}

    def _evaluate(self, split: str, trainer: CommandTarget) -> dict[str, Any]:
        if split not in ("val", "test"):
            raise RefusedError(f"evaluate {split!r}: expected val or test")
        return trainer.evaluate_now(split)

    def _set(self, request: Request) -> dict[str, Any]:
        knob = find_knob(request.knob or "", self.live_settings.knobs)
        present = self.live_settings.values[knob.name]
        if request.if_value is not None and knob.parse(request.if_value) != present:
            raise RefusedError(f"{knob.name} is {present}, not {request.if_value}")
        name, before, after = self.live_settings.set(knob.name, request.value)
        return {"knob": name, "before": before, "after": after}

    def _refuse_bad(self, bad: BadRequest) -> None:
        """A file that is no request is answered once, under its file name, and set aside by the inbox."""
        if bad.id not in self._answered:
            self._publish(
                bad.id, {"id": bad.id, "command": "", "answer": "rejected", "reason": bad.reason}
            )

    def _answer(self, request: Request, answer: str, **fields: Any) -> None:
        told = {
            "id": request.id,
            "command": request.kind,
            "answer": answer,
            "issuer": request.issuer,
            "latency": round(max(0.0, time.time() - request.created), 3),
            "note": request.note,
            "knob": request.knob,
            "value": request.value,
        }
        self._publish(request.id, {**told, **fields})

    def _publish(self, id: str, fields: dict[str, Any]) -> None:
        """Publishes the answer, and only then removes the request: a crash between the two cannot lose or repeat it."""
        self._answered.add(id)
        self.recorder.event(
            "command", **{name: value for name, value in fields.items() if value is not None}
        )
        if self.recorder.writer.flush():
            self.inbox.done(id)

    def _replay_due(self) -> None:
        while self._replays and self._replays[0].step <= self.recorder.step:
            replay = self._replays.pop(0)
            name, before, after = self.live_settings.set(replay.knob, replay.value)
            if before == after:
                continue
            message = f"{name} {before} → {after} again, as before the resume"
            self.recorder.event("phase", message=message, knob=name, before=before, after=after)


def replays_after(step: int, events: Sequence[Event]) -> list[Replay]:
    """The knob changes that were applied at or after `step`, by what the run's events say."""
    changes = [
        event
        for event in events
        if event.kind == "command"
        and event.get("command") == "set"
        and event.get("answer") == "applied"
    ]
    return [
        Replay(event.step, str(event.get("knob")), event.get("after"))
        for event in changes
        if event.step >= step
    ]


def answered_in(events: Sequence[Event]) -> set[str]:
    """The ids of all requests that have their answer."""
    return {str(event.get("id")) for event in events if event.kind == "command"}
