"""The run that a loop of one's own is recorded in and steered through, or a stand-in where nothing is recorded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from asgml.core.balancer.setup import LoopError
from asgml.core.config.live_settings import LiveSettings
from asgml.core.run import checkpoint
from asgml.core.run.commands import CommandHandler, RefusedError
from asgml.core.run.lifecycle import (
    close_run,
    earlier_run,
    emit_beginning,
    emit_checkpoint,
    one_line,
    remember,
)
from asgml.core.run.recorder import Recorder, Unrecorded
from asgml.core.run.stopwatch import Stopwatch
from asgml.storage.commands.inbox import BadRequest, Inbox, Request
from asgml.storage.format.layout import RunPaths, is_run
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run
from asgml.storage.write.writer import RunWriter

Save = Callable[[Path], object]
"""Writes the loop's checkpoint to this path."""


class NoInbox(Inbox):
    """Stands in where nobody can ask for anything."""

    def __init__(self) -> None:
        super().__init__(Path(os.devnull))

    def poll(self) -> list[Request | BadRequest]:
        return []


class LoopRun:
    """Begins at the first step, so that a resumed run knows by then which step it goes on from."""

    def __init__(
        self, path: Path | None, manifest: Manifest, live_settings: LiveSettings, *, resume: bool
    ) -> None:
        """Raises LoopError or FormatError where there is a run and should be none, or the other way round. Writes nothing yet."""
        self.paths = RunPaths(path.resolve()) if path is not None else None
        self.earlier = _find_earlier(self.paths, manifest, resume)
        self.recorder: Recorder = (Unrecorded if self.paths is None else Recorder)(
            manifest, Stopwatch()
        )
        self.command_handler = CommandHandler(
            NoInbox() if self.paths is None else Inbox(self.paths.commands),
            live_settings,
            self.recorder,
        )
        self.manifest = manifest
        self.begun = False

    def open(self) -> None:
        """Makes or takes over the store."""
        if self.paths is None:
            return
        make = self.recorder.to_array
        resumed = self.earlier is not None
        self.recorder.open(
            RunWriter.resume(self.paths, to_array=make)
            if resumed
            else RunWriter.create(self.paths, self.manifest, to_array=make)
        )

    def begin(self) -> None:
        """Tells that the training begins, once."""
        if self.begun:
            return
        self.begun = True
        if self.earlier is not None:
            remember(self.command_handler, self.recorder.step, self.earlier)
        self.recorder.stopwatch.go_on()
        emit_beginning("started" if self.earlier is None else "resumed", self.command_handler)
        self.recorder.set_state(State.RUNNING)

    def save(self, save: Save | None, why: str) -> None:
        """Has the loop save its checkpoint. Raises RefusedError with the reason where that came to nothing."""
        if self.paths is None or save is None:
            raise RefusedError(
                "the training loop is not the program's own and gave no checkpoint=, so it cannot be asked to save"
            )
        began, path = (
            time.monotonic(),
            checkpoint.path_at(self.paths.checkpoints, self.recorder.step),
        )
        path.parent.mkdir(exist_ok=True)
        try:
            save(path)
        except Exception as failure:
            raise RefusedError(f"the loop's checkpoint= failed: {one_line(failure)}") from failure
        if not path.exists():
            raise RefusedError(f"the loop's checkpoint= wrote nothing to {path.name}")
        emit_checkpoint(self.recorder, path, why, began)

    def save_at_stop(self, save: Save | None) -> None:
        """The checkpoint of a stop that asks for one; a loop that saves by itself gave no `checkpoint=`."""
        self.recorder.set_state(State.STOPPING)
        if not self.command_handler.save_on_stop or save is None:
            return
        try:
            self.save(save, "stop")
        except RefusedError as refused:
            self.recorder.event(
                "alert", level="error", message=f"stopped without a checkpoint: {refused}"
            )

    def close(self, end: State, error: str) -> None:
        self.begin()
        close_run(end, self.command_handler, error)


def _find_earlier(paths: RunPaths | None, manifest: Manifest, resume: bool) -> Run | None:
    if paths is None:
        return None
    if not resume:
        if is_run(paths.root):
            raise LoopError(
                f"run {str(paths.root)!r} exists; give another, or resume=True to go on with it"
            )
        return None
    earlier = earlier_run(paths) if is_run(paths.root) else None
    if earlier is None or earlier.manifest is None:
        raise LoopError(
            f"resume=True, but there is no run in {str(paths.root)!r}; leave it out to begin one"
        )
    _check_same(earlier.manifest, manifest)
    return earlier


def _check_same(before: Manifest, now: Manifest) -> None:
    """A run is of one thing from its beginning to its end."""
    for what, old, new in (
        ("method", before.method, now.method),
        ("encoders", list(before.modalities), list(now.modalities)),
        ("classes", list(before.classes), list(now.classes)),
        ("knobs", [knob.name for knob in before.knobs], [knob.name for knob in now.knobs]),
    ):
        if old != new:
            raise LoopError(
                f"run {before.name} was begun with {what} {old}, this is {new}; begin a new run"
            )
