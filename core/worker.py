"""The trainer's process: `python -P -m asgml.core.worker RUN [--resume]`.

The launcher sends its output to trainer.log. It exits with 0 when the training finished or was
stopped, with 1 when it failed, with 5 when it diverged. SIGTERM and SIGINT finish the step, save a
checkpoint and end; a second one ends at once, without the checkpoint.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import torch

from asgml.core.config.run_config import ConfigError
from asgml.core.data.base import DataError, load_data, select_modalities
from asgml.core.measures.criterion import LossError
from asgml.core.methods.spec import MethodError
from asgml.core.model.encoders.base import EncoderError
from asgml.core.model.fusion.base import FusionError
from asgml.core.model.model import ModelError
from asgml.core.modulators.user_modulator import ModulatorError
from asgml.core.run import checkpoint
from asgml.core.run.manifest_builder import make_manifest
from asgml.core.run.protocol import protocol_of
from asgml.core.run.read_config import read_config
from asgml.core.run.recorded_run import first_line
from asgml.core.run.replays import read_scheduled
from asgml.core.run.resume import (
    changed_settings,
    earlier_run,
    refuse_other_data,
    refuse_other_encoders,
)
from asgml.core.run.stop_signals import StopNow, ignore_signals, stop_on_signals
from asgml.core.run.unimodal_reference import ReferenceRunError
from asgml.core.training.components import DeviceError, find_device, make_components
from asgml.core.training.fork import load_start
from asgml.core.training.trainer import Trainer
from asgml.core.training.way_to_fork import save_start
from asgml.core.user_file import UserFileError
from asgml.storage.format.fork_record import read_fork
from asgml.storage.format.knobs import KnobError
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import FormatError
from asgml.storage.format.start_phase import PREFIX
from asgml.storage.format.status import State
from asgml.storage.write.writer import WriterLockedError

KNOWN_ERRORS = (
    ConfigError,
    DataError,
    UserFileError,
    EncoderError,
    ModelError,
    FusionError,
    ModulatorError,
    MethodError,
    LossError,
    DeviceError,
    FormatError,
    KnobError,
    WriterLockedError,
    ReferenceRunError,
    checkpoint.CheckpointError,
    OSError,  # a disk that is full, a folder that may not be written
)
"""Errors that the user can mend; their message is one line."""


EXIT_CODES = {State.FAILED: 1, State.DIVERGED: 5}
"""The exit codes of the ends that are no success."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m asgml.core.worker", description="Train the run in a run directory."
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    arguments = parser.parse_args(argv)
    try:
        return train(prepare_trainer(RunPaths(arguments.run.resolve()), resume=arguments.resume))
    except KNOWN_ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def prepare_trainer(paths: RunPaths, *, resume: bool) -> Trainer:
    """Return the trainer of a run, at its newest checkpoint if resumed, with its store open.

    Nothing is written before the last line, so an error leaves the run as it was.
    """
    config = read_config(paths)
    if config.threads:
        torch.set_num_threads(config.threads)
    device = find_device(config.device)
    tell_phase("reading the data")
    data = load_data(config.data.name, config.data.options, config.data.seed)
    data = select_modalities(data, config.modalities)
    earlier = earlier_run(paths) if resume else None
    if earlier:
        refuse_other_data(paths, earlier, data)
        refuse_other_encoders(paths, earlier, config)
    # the references of a resumed run stay those that it began with
    kept = earlier.manifest if earlier else None
    fork = None if earlier else read_fork(paths.fork)
    if fork:
        save_start(paths, fork, config, data, device)
    tell_phase("building the model")
    manifest = kept or make_manifest(paths.name, config, data, device, fork)
    trainer = Trainer(make_components(config, paths, data, manifest, device, earlier))
    if earlier:
        load_newest_checkpoint(trainer)
        trainer.run.changes = changed_settings(earlier, config, trainer.run.live_settings)
        trainer.run.protocol = protocol_of(config, data, read_fork(paths.fork)).as_json()
    elif fork:
        load_start(trainer, fork)
    trainer.run.scheduled = read_scheduled(paths, trainer.run.live_settings.knobs)
    trainer.run.open()
    return trainer


def tell_phase(phase: str) -> None:
    """Tell what the process does before its first step: the dashboard shows it."""
    print(f"{PREFIX}{phase}", file=sys.stderr, flush=True)


def load_newest_checkpoint(trainer: Trainer) -> None:
    """Go back to the newest checkpoint; a run without one begins again at step 0, or as forked."""
    folder, manifest = trainer.run.paths.checkpoints, trainer.run.manifest
    path = checkpoint.newest(folder)
    if path is None and manifest.parent:
        path = checkpoint.start_path(folder, int(manifest.parent.get("step", 0)))
    if path is not None:
        trainer.load_state_dict(checkpoint.load(path))


class Present:
    """The trainer that trains at present: after going back to a checkpoint it is another one."""

    def __init__(self, trainer: Trainer) -> None:
        self.trainer: Trainer | None = trainer
        self.run = trainer.run

    def train(self) -> State:
        """Train to the end, from earlier checkpoints where commands ask for that."""
        while self.trainer is not None:
            end = self.trainer.train()
            if end is not State.STARTING:
                return end
            self._go_back()
        raise RuntimeError("there is no trainer")

    def _go_back(self) -> None:
        """Begin the next segment at the newest checkpoint, as a resume does."""
        before = self.run.command_handler
        self.run.leave()
        self.trainer = None  # its memory first: the next one needs as much
        trainer = prepare_trainer(self.run.paths, resume=True)
        handler = trainer.run.command_handler
        # a pause, and a signal that came meanwhile, hold for the training that goes on
        handler.paused, handler.stopping = before.paused, before.stopping
        self.trainer, self.run = trainer, trainer.run


def train(trainer: Trainer) -> int:
    """Train, and close the run whatever happens; return the exit code."""
    end, error = State.FAILED, ""
    present = Present(trainer)
    del trainer
    stop_on_signals(lambda: present.run.command_handler)
    try:
        try:
            end = present.train()
        finally:
            ignore_signals()
    except StopNow:
        # it may be raised when the training has just ended
        end = State.STOPPED if end is State.FAILED else end
    except Exception as failure:  # noqa: BLE001 - any end belongs into the run and trainer.log
        error = first_line(failure)
        traceback.print_exc()
    present.run.close(end, error)
    return EXIT_CODES.get(end, 0)


if __name__ == "__main__":
    sys.exit(main())
