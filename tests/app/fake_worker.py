"""A trainer without a network, for tests: it takes steps, answers commands, and can fail.

The run's configuration says how: `epochs` of 10 steps of 10 ms;
`device = "cuda:9"` fails before the store is there, `device = "cuda:8"` fails after three steps.
"""

from __future__ import annotations

import os
import sys
import time
import tomllib
from dataclasses import replace
from pathlib import Path

from tiny import tiny_manifest, tiny_row

from asgml.storage.commands.inbox import BadRequest, Inbox, Request
from asgml.storage.format.events import Event
from asgml.storage.format.knobs import Value
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.process import this_host
from asgml.storage.format.status import State
from asgml.storage.write.writer import RunWriter


class Stopped(Exception):
    """The user asked for it."""


class FakeTrainer:
    """The smallest thing that behaves like a trainer towards its run directory."""

    def __init__(self, writer: RunWriter, inbox: Inbox, manifest: Manifest) -> None:
        self.writer = writer
        self.inbox = inbox
        self.manifest = manifest
        self.step = 0
        self.paused = False
        self.knobs: dict[str, Value] = {"boost.alpha": 0.5, "probe.eval_freq": 10}

    def train(self, steps: int, fail_at: int | None) -> None:
        while self.step < steps:
            for request in self.inbox.poll():
                self.answer(request)
            time.sleep(0.01)
            if self.paused:
                continue
            self.step += 1
            if self.step == fail_at:
                raise RuntimeError("the loss is no longer finite")
            self.writer.append("steps", tiny_row(self.manifest, "steps", self.step))

    def answer(self, request: Request | BadRequest) -> None:
        assert isinstance(request, Request)
        fields: dict[str, object] = {
            "id": request.id,
            "command": request.kind,
            "answer": "applied",
            "issuer": request.issuer,
        }
        if request.kind == "set" and request.knob:
            before = self.knobs[request.knob]
            refused = request.if_value is not None and request.if_value != before
            fields |= {"knob": request.knob, "before": before}
            fields |= (
                {"answer": "rejected", "reason": f"it is {before}"}
                if refused
                else {"after": request.value}
            )
            if not refused and request.value is not None:
                self.knobs[request.knob] = request.value
        if request.kind in {"pause", "resume"}:
            self.paused = request.kind == "pause"
            self.writer.mark(state=State.PAUSED if self.paused else State.RUNNING)
        self.writer.event(
            Event("command", self.step, time.time(), 0.0, self.writer.segment, fields)
        )
        self.writer.flush()
        self.inbox.done(request.id)
        if request.kind == "stop":
            raise Stopped


def main() -> int:
    paths = RunPaths(Path(sys.argv[1]))
    config = tomllib.loads(paths.config.read_text(encoding="utf-8"))
    if config["device"] == "cuda:9":
        print("no such device: cuda:9", file=sys.stderr)
        return 1
    manifest = replace(tiny_manifest(paths.name), config=config)
    writer = (
        RunWriter.resume(paths) if "--resume" in sys.argv else RunWriter.create(paths, manifest)
    )
    writer.event(
        Event(
            "started",
            0,
            time.time(),
            0.0,
            writer.segment,
            {"pid": os.getpid(), "host": this_host(), "knobs": {}},
        )
    )
    writer.mark(state=State.RUNNING)
    state = State.FINISHED
    try:
        FakeTrainer(writer, Inbox(paths.commands), manifest).train(
            10 * config["epochs"], 3 if config["device"] == "cuda:8" else None
        )
    except Stopped:
        state = State.STOPPED
    except RuntimeError as error:
        writer.event(Event("failed", 3, time.time(), 0.0, writer.segment, {"error": str(error)}))
        state = State.FAILED
    writer.close(state)
    return 1 if state is State.FAILED else 0
