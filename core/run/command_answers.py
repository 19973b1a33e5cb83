"""The answers to commands: each request gets exactly one, published before its file is removed."""

from __future__ import annotations

import time
from typing import Any

from asgml.core.run.recorder import Recorder
from asgml.storage.commands.inbox import BadRequest, Inbox, Request


class CommandAnswers:
    """`answered`: the ids of all requests that have an answer, from earlier segments too."""

    def __init__(self, inbox: Inbox, recorder: Recorder) -> None:
        self.inbox = inbox
        self.recorder = recorder
        self.answered: set[str] = set()

    def remove_answered(self, request: Request) -> bool:
        """Remove a request that has its answer already, and return True.

        Its answer was published, and the process ended before it removed the file.
        """
        if request.id not in self.answered:
            return False
        self.inbox.done(request.id)
        return True

    def refuse_bad(self, bad: BadRequest) -> None:
        """Answer a file that is no request, under its id or file name, and remove it."""
        if bad.id in self.answered:
            self.inbox.done(bad.id)
        else:
            fields = {"id": bad.id, "command": "", "answer": "rejected", "reason": bad.reason}
            self._publish(bad.id, fields)

    def answer(self, request: Request, answer: str, **fields: Any) -> None:
        """Answer a request as applied, rejected, superseded or expired, with more `fields`."""
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
        self.answered.add(id)
        present = {name: value for name, value in fields.items() if value is not None}
        self.recorder.event("command", **present)
        if self.recorder.writer.flush():
            self.inbox.done(id)
