"""The run of a training: owner of its step count, stopwatch, knob values, records and commands.

    make -> load a checkpoint, where it is resumed -> open -> begin -> steps -> close

The trainer and the Balancer share it. Nothing is written before `open`, no event before `begin`.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asgml.core.config.live_settings import LiveSettings
from asgml.core.run.commands import CommandHandler
from asgml.core.run.provenance import changed_since
from asgml.core.run.recorder import Recorder
from asgml.core.run.replays import Replay, answered_in, replays_after
from asgml.core.run.stopwatch import Stopwatch
from asgml.storage.commands.inbox import Inbox
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.status import State
from asgml.storage.read.knob_changes import changes_before
from asgml.storage.read.reader import Run
from asgml.storage.write.writer import RunWriter


class RecordedRun:
    """One run, from the process that trains it."""

    def __init__(
        self,
        paths: RunPaths,
        manifest: Manifest,
        live_settings: LiveSettings,
        earlier: Run | None = None,
    ) -> None:
        """`earlier` is the published part of a run that is resumed, whose manifest is kept."""
        kept = earlier.manifest if earlier is not None else None
        self.paths = paths
        self.earlier = earlier
        self.manifest = kept or manifest
        self.live_settings = live_settings
        self.recorder = Recorder(self.manifest, Stopwatch())
        self.command_handler = CommandHandler(Inbox(paths.commands), live_settings, self.recorder)
        self.scheduled: list[Replay] = []
        self.changes: dict[str, dict[str, Any]] = {}
        self.protocol: dict[str, Any] = {}  # the one that the changes make
        self.end_fields: dict[str, Any] = {}  # of the event of a training that diverged
        self.begun = self.closed = False

    @property
    def step(self) -> int:
        """Optimizer steps done, over all segments of the run."""
        return self.recorder.step

    @step.setter
    def step(self, step: int) -> None:
        self.recorder.step = step

    @property
    def epoch(self) -> int:
        """The present epoch, counted from 0."""
        return self.recorder.epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self.recorder.epoch = epoch

    def open(self) -> None:
        """Create the store, or open that of the resumed run for its next segment."""
        # the writer takes the run's lock, so another trainer of the same run is refused here
        to_array = self.recorder.to_array
        if self.earlier is None:
            writer = RunWriter.create(self.paths, self.manifest, to_array=to_array)
        else:
            writer = RunWriter.resume(self.paths, to_array=to_array)
        self.recorder.open(writer)

    def begin(self) -> None:
        """Record `started` or `resumed` and start the stopwatch. Further calls do nothing."""
        if self.begun:
            return
        self.begun, code = True, {}
        # not before: only now the step of the loaded checkpoint is known
        replays = [each for each in self.scheduled if each.step >= self.step]
        events = self.earlier.events if self.earlier is not None else []
        # the schedule first, as in the step itself: a user's change comes after it
        replays += replays_after(self.step, events)
        changes = changes_before(self.step, events)
        self.command_handler.restore(answered_in(events), replays, changes)
        if self.earlier is not None:
            self.recorder.alert_watch.catch_up(self.earlier, self.step)
            code = changed_since(self.manifest)
            if self.changes:
                code |= {"changes": self.changes, "protocol": self.protocol}
        self.recorder.event(
            "started" if self.earlier is None else "resumed",
            pid=os.getpid(),
            host=socket.gethostname(),
            knobs=self.live_settings.live(),
            **code,
        )
        if self.earlier is None and (parent := self.manifest.parent):
            message = f"fork of {parent.get('run')} at step {parent.get('step')}"
            self.recorder.event("phase", message=message, parent=parent.get("path"))
        for key, change in self.changes.items():
            self.recorder.event("phase", message=change_text(key, **change), setting=key, **change)
        for problem in self.recorder.alert_watch.problems:
            self.recorder.event("alert", level="warning", message=problem)
        self.recorder.stopwatch.start()
        self.recorder.set_state(State.RUNNING)

    @contextmanager
    def checkpoint_event(self, path: Path, why: str) -> Iterator[None]:
        """Record the checkpoint that the block writes to `path`, with its bytes and seconds."""
        began = time.monotonic()
        yield
        self.recorder.event(
            "checkpoint",
            path=f"{path.parent.name}/{path.name}",
            bytes=path.stat().st_size,
            seconds=round(time.monotonic() - began, 3),
            why=why,
        )

    def close(self, end: State, error: str = "") -> None:
        """Answer the commands that still wait, record the end, and close the store, once."""
        if self.closed:
            return
        self.closed = True
        self.begin()  # a training that fails before its first step has a beginning, too
        # first the answers: whoever waits for one would otherwise wait for a process that is gone
        self.command_handler.close()
        self.recorder.emit_last_alerts()
        told = self.end_fields if end is State.DIVERGED else {"error": error} if error else {}
        self.recorder.event(end.label, **told)
        self.recorder.close(end)

    def leave(self) -> None:
        """Publish all that was recorded and free the store for the next segment, in this process.

        No command is answered, and the run has not ended.
        """
        self.closed = True
        self.recorder.emit_alerts()
        self.recorder.close(State.STARTING)

    def state_dict(self) -> dict[str, Any]:
        """Return knob values and seconds of training; step and epoch are the caller's to save."""
        return {
            "knobs": dict(self.live_settings.values),
            "active_time": self.recorder.stopwatch.seconds(),
        }

    def load_state_dict(self, state: Mapping[str, Any], *, step: int, epoch: int) -> None:
        """Restore a `state_dict`, at this step and epoch."""
        self.step, self.epoch = step, epoch
        self.live_settings.values.update(state["knobs"])
        self.recorder.stopwatch.restore(float(state["active_time"]))


def change_text(key: str, before: Any, after: Any) -> str:
    """Return the message of a setting that changes here."""
    return f"{key} {before} → {after} from here on"


def first_line(error: BaseException) -> str:
    """Return kind and first line of an error, as an event has it: the rest is in trainer.log."""
    return f"{type(error).__name__}: {error}".splitlines()[0]
