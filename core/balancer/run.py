"""The run of an external training loop: new, resumed or not recorded, and its checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.core.balancer.errors import LoopError
from asgml.core.config.live_settings import LiveSettings
from asgml.core.run import checkpoint
from asgml.core.run.command_checks import RefusedError
from asgml.core.run.recorded_run import RecordedRun, first_line
from asgml.core.run.resume import earlier_run
from asgml.core.run.unrecorded import UnrecordedRun
from asgml.storage.format.layout import RunPaths, is_run
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.status import State
from asgml.storage.read.knob_changes import KnobChange
from asgml.storage.read.reader import Run

Save = Callable[[Path], object]
"""Writes the loop's checkpoint to this path."""


@dataclass(frozen=True)
class RunOptions:
    """The run that a loop asks for, and how to have the loop's own checkpoint written.

    `directory` is None for a loop that is not recorded, `steps_per_epoch` 0 where it is not known.
    """

    directory: str | Path | None
    resume: bool
    steps_per_epoch: int
    checkpoint: Save | None

    def path(self) -> Path | None:
        """Return the absolute directory, None for a loop that is not recorded."""
        return Path(self.directory).resolve() if self.directory is not None else None


def make_run(
    path: Path | None, manifest: Manifest, live_settings: LiveSettings, *, resume: bool
) -> RecordedRun:
    """Return the run in `path`, an unrecorded one without a path. Writes nothing yet.

    Raise LoopError or FormatError where there is a run and should be none, or the other way round.
    """
    if path is None:
        return UnrecordedRun(manifest, live_settings)
    paths = RunPaths(path.resolve())
    if resume:
        return RecordedRun(paths, manifest, live_settings, _resumable(paths, manifest))
    if is_run(paths.root):
        raise LoopError(
            f"run {str(paths.root)!r} exists; give another, or resume=True to go on with it"
        )
    return RecordedRun(paths, manifest, live_settings)


class LoopCommands:
    """The commands that only the loop can carry out: a checkpoint by its `checkpoint=`."""

    def __init__(self, run: RecordedRun, save: Save | None) -> None:
        self.run = run
        self.save = save

    def save_checkpoint(self, why: str) -> None:
        """Have the loop save its checkpoint. Raise RefusedError where there is none after it."""
        if self.save is None or isinstance(self.run, UnrecordedRun):
            raise RefusedError(
                "the training loop is not the program's own and gave no checkpoint=, "
                "so it cannot be asked to save"
            )
        path = checkpoint.path_at(self.run.paths.checkpoints, self.run.step)
        path.parent.mkdir(exist_ok=True)
        with self.run.checkpoint_event(path, why):
            try:
                self.save(path)
            except Exception as failure:  # whatever it raises, the training goes on without it
                reason = f"the loop's checkpoint= failed: {first_line(failure)}"
                raise RefusedError(reason) from failure
            if not path.exists():
                raise RefusedError(f"the loop's checkpoint= wrote nothing to {path.name}")

    def evaluate_now(self, split: str) -> dict[str, Any]:
        """Raise RefusedError: the Balancer has no data to evaluate on."""
        raise RefusedError(
            f"evaluate {split}: the data is the training loop's own, which alone can evaluate"
        )

    def go_back(self, change: KnobChange) -> dict[str, Any]:
        """Raise RefusedError: weights and optimizer are the loop's own."""
        raise RefusedError(
            f"undo {change.knob} with its weights: the training loop is not the program's own; "
            "undo without --checkpoint sets the knob back alone"
        )

    def save_at_stop(self) -> None:
        """Save the checkpoint that a stop asks for; a loop may save by itself instead."""
        self.run.recorder.set_state(State.STOPPING)
        if not self.run.command_handler.save_on_stop or self.save is None:
            return
        try:
            self.save_checkpoint("stop")
        except RefusedError as refused:
            message = f"stopped without a checkpoint: {refused}"
            self.run.recorder.event("alert", level="error", message=message)


def _resumable(paths: RunPaths, manifest: Manifest) -> Run:
    earlier = earlier_run(paths) if is_run(paths.root) else None
    if earlier is None or earlier.manifest is None:
        raise LoopError(
            f"resume=True, but there is no run in {str(paths.root)!r}; leave it out to begin one"
        )
    _refuse_other_loop(earlier.manifest, manifest)
    return earlier


def _refuse_other_loop(before: Manifest, now: Manifest) -> None:
    """Raise LoopError where method, encoders or classes differ, or a declared knob is gone.

    Knobs may be added: a newer version may have more of them.
    """
    knobs, present = ([knob.name for knob in manifest.knobs] for manifest in (before, now))
    kept = [name for name in present if name in knobs]
    for name, old, new in (
        ("method", before.method, now.method),
        ("encoders", list(before.modalities), list(now.modalities)),
        ("classes", list(before.classes), list(now.classes)),
        ("knobs", sorted(knobs), sorted(kept)),
    ):
        if old != new:
            raise LoopError(
                f"run {before.name} was begun with {name} {old}, this is {new}; begin a new run"
            )
