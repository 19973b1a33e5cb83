"""The outbox: what was asked of the trainer and has no answer yet. A wish is never shown as a fact."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from asgml.storage.commands.inbox import Request, send
from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Value
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.status import ENDED, Head
from asgml.tui.messages import Severity
from asgml.tui.scene.scene import KnobState, PendingRequest, Scene

Tell = Callable[[str, Severity], None]


class Outbox:
    """Requests on their way to one run."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._sent: dict[str, Request] = {}
        self._answered: set[str] = set()

    def clear(self) -> None:
        """Another run is on screen: what was asked of the one before is no wish of this one."""
        self._sent.clear()

    @property
    def pending_requests(self) -> tuple[PendingRequest, ...]:
        return tuple(
            PendingRequest(request.id, request.kind, request.knob, request.value)
            for request in self._sent.values()
        )

    def send(self, commands: Path, request: Request) -> None:
        try:
            send(commands, request)
        except OSError as error:
            self._tell(f"{request.kind} could not be sent: {error}", "error")
            return
        self._sent[request.id] = request

    def note_answers(self, events: Sequence[Event]) -> None:
        """Requests that have their answer are no pending_requests any more; one that was refused is told."""
        if not self._sent:
            return
        answers = {event.get("id"): event for event in events if event.kind == "command"}
        for id in [id for id in self._sent if id in answers]:
            request, answer = self._sent.pop(id), answers[id]
            self._answered.add(id)
            if answer.get("answer") != "applied":
                what = f"{request.kind} {request.knob or ''}".strip()
                self._tell(f"{what} {answer.get('answer')}: {answer.get('reason', '')}", "warning")

    def knobs(
        self, manifest: Manifest, values: Mapping[str, Value], events: Sequence[Event]
    ) -> tuple[KnobState, ...]:
        """Acknowledged values as facts, pending_requests and refusals beside them."""
        requested = {sent.knob: sent.value for sent in self._sent.values() if sent.kind == "set"}
        refused = refusals(events, tuple(self._answered))
        return tuple(
            KnobState(
                knob,
                values.get(knob.name, knob.initial),
                requested.get(knob.name),
                refused.get(knob.name, ""),
            )
            for knob in manifest.knobs
        )

    def kill(self, head: Head | None) -> None:
        """SIGKILL to the trainer, if it is still the same process."""
        from asgml.storage.format.process import is_alive

        if head is None or head.pid <= 1 or not is_alive(head.pid, head.process_start):
            self._tell("there is no such process any more", "warning")
            return
        os.kill(head.pid, signal.SIGKILL)
        self._tell(f"sent SIGKILL to pid {head.pid}", "warning")


def refusals(events: Sequence[Event], mine: Sequence[str]) -> dict[str, str]:
    """Knob → reason, where the last of the requests sent from here was not applied."""
    found: dict[str, str] = {}
    for event in events if mine else ():
        knob = event.get("knob")
        if event.kind == "command" and event.get("id") in mine and isinstance(knob, str):
            found.pop(knob, None)
            if event.get("answer") != "applied":
                found[knob] = f"{event.get('answer')}: {event.get('reason', '')}"
    return found


def refusal(scene: Scene, replayed: bool, readonly: bool) -> str:
    """Why the training cannot be steered from here; "" where it can."""
    name = scene.name
    if replayed:
        return f"this is a replay; `asgml watch {name}` steers a living run"
    if readonly:
        return f"read-only: `asgml watch {name}` without --readonly steers the training"
    if scene.state in ENDED and scene.manifest is None:
        return "the training never began; the reason is in trainer.log"
    if scene.state in ENDED:
        return f"the training has {_past(scene.state)}; `asgml resume {name}` goes on from the last checkpoint"
    if scene.state == "stale":
        return f"no sign of the trainer on {scene.trainer.host}; if it is gone, `asgml resume {name}` goes on from the last checkpoint"
    if scene.manifest is None:
        return "the training is not up yet; try again when it runs"
    return ""


def _past(state: str) -> str:
    return {
        "finished": "finished",
        "failed": "failed",
        "stopped": "been stopped",
        "crashed": "crashed",
    }[state]
