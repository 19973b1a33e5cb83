"""The outbox: requests to the trainer that have no answer yet. None is ever shown as a fact."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from asgml.storage.alerts.acknowledged import acknowledge
from asgml.storage.commands.inbox import Request, send
from asgml.storage.format.errors import FormatError
from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Value
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.status import Head
from asgml.tui.messages import Severity
from asgml.tui.scene.scene import KnobState, PendingRequest

Notify = Callable[[str, Severity], None]


class Outbox:
    """Requests on their way to one run."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._sent: dict[str, Request] = {}
        self._answered: list[str] = []

    def clear(self) -> None:
        """Forget what was asked of the run on screen: another one takes its place."""
        self._sent.clear()

    @property
    def pending_requests(self) -> tuple[PendingRequest, ...]:
        return tuple(
            PendingRequest(request.id, request.kind, request.knob, request.value)
            for request in self._sent.values()
        )

    def send(self, commands: Path, request: Request) -> None:
        """Put a request into the run's folder of commands; notify the user where that fails."""
        try:
            send(commands, request)
        except OSError as error:
            self._notify(f"{request.kind} could not be sent: {error}", "error")
            return
        self._sent[request.id] = request

    def acknowledge(self, paths: RunPaths, alert: str) -> None:
        """Record that an alert was seen; notify the user where that fails."""
        try:
            acknowledge(paths, [alert])
        except (OSError, FormatError) as error:
            self._notify(f"the alert could not be acknowledged: {error}", "error")

    def note_answers(self, events: Sequence[Event]) -> None:
        """Drop the requests that have their answer; notify the user of those that were refused."""
        if not self._sent:
            return
        # events are read as they were written: an id may be of any type
        answers = {
            id: event
            for event in events
            if event.kind == "command" and isinstance(id := event.get("id"), str)
        }
        for id in [id for id in self._sent if id in answers]:
            request, answer = self._sent.pop(id), answers[id]
            self._answered.append(id)
            if answer.get("answer") != "applied":
                what = f"{request.kind} {request.knob or ''}".strip()
                self._notify(f"{what} {_reason(answer)}", "warning")

    def knobs(
        self, manifest: Manifest, values: Mapping[str, Value], events: Sequence[Event]
    ) -> tuple[KnobState, ...]:
        """Return the knobs: acknowledged `values` as facts, requests and refusals beside them."""
        requested = {sent.knob: sent.value for sent in self._sent.values() if sent.kind == "set"}
        refused = refused_knobs(events, self._answered)
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
        """Send SIGKILL to the trainer, if it is still the process of the head record."""
        from asgml.storage.format.process import is_alive

        # a pid up to 1 would address init or the dashboard's own process group
        if head is None or head.pid <= 1 or not is_alive(head.pid, head.process_start):
            self._notify("there is no such process any more", "warning")
            return
        os.kill(head.pid, signal.SIGKILL)
        self._notify(f"sent SIGKILL to pid {head.pid}", "warning")


def refused_knobs(events: Sequence[Event], request_ids: Sequence[str]) -> dict[str, str]:
    """Return knob → reason where the last of these requests was not applied."""
    found: dict[str, str] = {}
    for event in events if request_ids else ():
        knob = event.get("knob")
        if event.kind == "command" and event.get("id") in request_ids and isinstance(knob, str):
            found.pop(knob, None)
            if event.get("answer") != "applied":
                found[knob] = _reason(event)
    return found


def _reason(answer: Event) -> str:
    return f"{answer.get('answer')}: {answer.get('reason', '')}"
