"""A trainer that trains nothing: appends rows and answers commands.

By hand: `python tests/tui/fake_trainer.py DIR [rate]`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from course import EPOCH_STEPS, KNOBS, PROBE_EVERY, Course, make_manifest

from asgml.storage.commands.inbox import BadRequest, Inbox, Request
from asgml.storage.format.events import Event
from asgml.storage.format.knobs import KnobError, Value, find_knob
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.process import this_host
from asgml.storage.format.status import State
from asgml.storage.read.knob_changes import KnobChange, KnobChanges
from asgml.storage.write.writer import RunWriter


class FakeTrainer:
    """Steps when called, and gives every request in its inbox one answer."""

    def __init__(
        self,
        paths: RunPaths,
        total: int = 10_000,
        modalities: tuple[str, ...] = ("audio", "visual"),
        host: str | None = None,
    ) -> None:
        paths.commands.mkdir(parents=True, exist_ok=True)
        if not paths.config.exists():
            paths.config.write_text("[run]\n")
        self.paths = paths
        manifest = make_manifest(paths.name, modalities, total)
        self.writer = RunWriter.create(paths, manifest, flush_every=0.1)
        self.course = Course(manifest)
        self.inbox = Inbox(paths.commands)
        self.values: dict[str, Value] = {knob.name: knob.initial for knob in KNOBS}
        self.changes = KnobChanges()
        self.step, self.active = 0, 0.0
        self.paused = self.stopped = False
        self.started = time.time()
        self._event(
            "started", pid=self.writer.head.pid, host=host or this_host(), knobs=dict(self.values)
        )
        self.writer.mark(State.RUNNING, 0, 0)
        self.writer.flush()

    def train_step(self, seconds: float = 0.05) -> None:
        """Train one step and append its rows."""
        self.step += 1
        self.active += seconds
        now = time.time()
        for table, every in (
            ("steps", 1),
            ("probes", PROBE_EVERY),
            ("epochs", EPOCH_STEPS),
            ("system", 20),
        ):
            if self.step % every == 0:
                self.writer.append(table, self.course.row(table, self.step, now, self.active))
        self.writer.mark(step=self.step, epoch=(self.step - 1) // EPOCH_STEPS)

    def answer(self) -> int:
        """Answer the requests in the inbox; return their number."""
        requests = self.inbox.poll()
        for request in requests:
            if isinstance(request, BadRequest):
                self._event(
                    "command", id=request.id, command="?", answer="rejected", reason=request.reason
                )
                continue
            self._event(
                "command",
                **{
                    "id": request.id,
                    "command": request.kind,
                    "issuer": request.issuer,
                    "latency": time.time() - request.created,
                    **self._do(request),
                },
            )
            self.writer.flush()
            self.inbox.done(request.id)
        return len(requests)

    def close(self, state: State = State.FINISHED) -> None:
        self._event({State.FINISHED: "finished", State.STOPPED: "stopped"}.get(state, "failed"))
        self.writer.close(state)

    def _do(self, request: Request) -> dict[str, Any]:
        if request.kind == "set":
            return self._set(request)
        if request.kind == "undo":
            return self._undo(request)
        if request.kind in {"pause", "resume"}:
            self.paused = request.kind == "pause"
            self.writer.mark(State.PAUSED if self.paused else State.RUNNING)
        if request.kind == "stop":
            self.stopped = True
        if request.kind == "checkpoint":
            path = f"checkpoints/step{self.step}.pt"
            self._event("checkpoint", path=path, bytes=1_000_000, seconds=0.1, why="asked for")
        return {"answer": "applied", "note": request.note, "how": request.how}

    def _set(self, request: Request) -> dict[str, Any]:
        try:
            knob = find_knob(str(request.knob), KNOBS)
            after = knob.parse(request.value)
        except KnobError as error:
            return {"answer": "rejected", "knob": request.knob, "reason": str(error)}
        before, self.values[knob.name] = self.values[knob.name], after
        timed: dict[str, Any] = {}
        if request.for_steps is not None:
            timed = {"until": self.step + request.for_steps, "back": before}
        change = KnobChange(request.id, self.step, knob.name, before, after, **timed)
        self.changes.add(change)
        fields = {"knob": knob.name, "before": before, "after": after, "note": request.note}
        return {"answer": "applied", **fields, **timed}

    def _undo(self, request: Request) -> dict[str, Any]:
        last = self.changes.last(self.step)
        if last is None or request.undoes not in (None, last.id):
            return {"answer": "rejected", "reason": "there is another last change by now"}
        change = self.changes.undo(request.id, last, self.step, self.values[last.knob])
        self.changes.add(change)
        self.values[last.knob] = change.after
        fields = {"knob": last.knob, "before": change.before, "after": change.after}
        return {"answer": "applied", "command": "set", "undo": last.id, **fields}

    def _event(self, kind: str, **fields: Any) -> None:
        self.writer.event(Event(kind, self.step, time.time(), self.active, 0, fields))


def main(folder: str, rate: float = 10.0) -> None:
    trainer = FakeTrainer(RunPaths(Path(folder)))
    while not trainer.stopped and trainer.step < 10_000:
        trainer.answer()
        if not trainer.paused:
            trainer.train_step(1 / rate)
        time.sleep(1 / rate)
    trainer.close(State.STOPPED if trainer.stopped else State.FINISHED)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 10.0)
