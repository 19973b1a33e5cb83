"""The way to a fork: its parent's training once more, from a checkpoint to the fork's step."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from asgml.core.config.run_config import make_config
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.run import checkpoint
from asgml.core.run.read_config import with_old_variants
from asgml.core.run.replays import Replay
from asgml.core.run.resume import refuse_other_data, refuse_other_encoders
from asgml.core.training.components import make_components
from asgml.core.training.trainer import Trainer
from asgml.storage.format.errors import FormatError
from asgml.storage.format.fork_record import Fork
from asgml.storage.format.layout import RunNotFoundError, RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.read.changes import changed_at, config_at
from asgml.storage.read.interventions import schedule_of
from asgml.storage.read.reader import Run

State = dict[str, Any]


class UnrecordedTrainer(Trainer):
    """A trainer that leaves no rows and no checkpoints, only the best model so far."""

    def keep_checkpoint(self, why: str) -> None:
        """Do nothing: the fork saves the one that it begins with."""


def save_start(
    paths: RunPaths, fork: Fork, config: RunSettings, data: Dataset, device: torch.device
) -> None:
    """Save the checkpoint that a fork begins with: its parent's training after `fork.step` steps.

    Nothing of the parent is changed. Does nothing where it is saved already. Raise FormatError,
    CheckpointError, DataError or EncoderError where the parent's training cannot be had.
    """
    start = checkpoint.start_path(paths.checkpoints, fork.step)
    if start.exists():
        return
    parent = _open_parent(fork)
    manifest = _recorded(parent, fork)
    refuse_other_data(parent.paths, parent, data)
    refuse_other_encoders(parent.paths, parent, config)
    state = _newest_state(parent, fork.step)
    if state is not None:
        _copy_best_model(parent.paths, paths, state)
    step = int(state["progress"]["step"]) if state is not None else 0
    stops = [*(at for at in changed_at(parent.events) if step < at < fork.step), fork.step]
    for stop in stops if state is None or step < fork.step else ():
        was = config_at(manifest, parent.events, step)
        leg = _settings(was, config)
        trainer = UnrecordedTrainer(
            make_components(leg, paths, data, manifest, device, recorded=False)
        )
        if state is not None:
            trainer.load_state_dict(state)
        _steer(trainer, parent, step, stop)
        advance(trainer, stop)
        state, step = trainer.state_dict(), stop
    assert state is not None
    # a checkpoint may hold what was set at its own step, which is the fork's to decide
    knobs = parent.knobs_at(fork.step - 1)
    checkpoint.save({**state, "knobs": {**state["knobs"], **knobs}}, start)


def advance(trainer: Trainer, step: int) -> None:
    """Train until `step` steps are done, as `Trainer.train` does, and stand before the next one."""
    while trainer.run.step < step and not trainer.over:
        trainer.begin_epoch()
        for batch in trainer.components.batches.rest_of_epoch():
            if trainer.run.step == step:  # the place in the epoch is that of the next batch now
                return
            trainer.run.command_handler.process_pending(trainer)
            forward = trainer.step(batch)
            if trainer.balancing.is_probe_step(trainer.run.step):
                trainer.probe(forward)
        trainer.end_epoch()


def _open_parent(fork: Fork) -> Run:
    try:
        return Run.open(RunPaths(Path(fork.path)))
    except RunNotFoundError as error:
        raise FormatError(f"run {fork.run}, which this is a fork of, is gone: {error}") from None


def _recorded(parent: Run, fork: Fork) -> Manifest:
    """Return the parent's manifest. Raise FormatError where it has not come to the step."""
    if parent.manifest is None or parent.head is None or parent.head.step < fork.step:
        raise FormatError(f"run {fork.run} in {fork.path} has not recorded step {fork.step}")
    return parent.manifest


def _newest_state(parent: Run, step: int) -> State | None:
    """Return the parent's newest checkpoint up to a step, None where there is none."""
    for path in checkpoint.up_to(parent.paths.checkpoints, step):
        try:
            return checkpoint.load(path)
        except checkpoint.CheckpointError:
            if path.exists():
                raise
            # a living parent removes old ones meanwhile
    begun = (parent.manifest.parent or {}).get("step", 0) if parent.manifest else 0
    if begun:
        raise FormatError(f"run {parent.paths.name} has no checkpoint up to step {step}")
    return None


def _copy_best_model(parent: RunPaths, paths: RunPaths, state: Mapping[str, Any]) -> None:
    step = int(state["progress"].get("best_step", -1))
    if step < 0:
        return
    source = checkpoint.best_path(parent.checkpoints, step)
    if source.is_symlink() or not source.is_file():
        raise checkpoint.CheckpointError(
            f"run {parent.name} has lost its best model, checkpoints/{source.name}; "
            "fork it at another step"
        )
    paths.checkpoints.mkdir(exist_ok=True)
    shutil.copyfile(source, checkpoint.best_path(paths.checkpoints, step))


def _settings(recorded: Mapping[str, Any], config: RunSettings) -> RunSettings:
    """Return the parent's settings on the fork's device."""
    here = {"device": config.device, "threads": config.threads}
    return make_config({**with_old_variants(dict(recorded)), **here})


def _steer(trainer: Trainer, parent: Run, step: int, stop: int) -> None:
    """Have the trainer make the parent's interventions from `step` on, up to the one at `stop`."""
    values = trainer.run.live_settings.values
    known = parent.knobs_at(step - 1)
    values.update({name: value for name, value in known.items() if name in values})
    made = [
        Replay(each.step, each.knob, each.value)
        for each in schedule_of(parent, until=stop).interventions
        if each.step >= step
    ]
    trainer.run.command_handler.restore(set(), made)
