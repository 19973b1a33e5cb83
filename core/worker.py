"""The trainer's process: `python -P -m asgml.core.worker RUN [--resume]`. The run directory is all it is told.

Its output goes to trainer.log. It ends with 0 when the training finished or was stopped, 1 when it failed. SIGTERM and
SIGINT finish the step, save a checkpoint and end; a second one ends at once, without the checkpoint.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tomllib
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import torch

from asgml.core.config.run_config import ConfigError, make_config
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import DataError, load_data
from asgml.core.methods.spec import MethodError
from asgml.core.model.encoders.base import EncoderError
from asgml.core.model.fusion.base import FusionError
from asgml.core.model.model import ModelError
from asgml.core.modulators.user_modulator import ModulatorError
from asgml.core.run import checkpoint
from asgml.core.run.lifecycle import (
    close_run,
    earlier_run,
    emit_beginning,
    one_line,
    refuse_other_data,
    remember,
)
from asgml.core.run.manifest_builder import make_manifest
from asgml.core.training.components import DeviceError, find_device, make_components
from asgml.core.training.trainer import Trainer
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import FormatError
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run
from asgml.storage.write.writer import RunWriter, WriterLockedError

KNOWN_ERRORS = (
    ConfigError,
    DataError,
    EncoderError,
    ModelError,
    FusionError,
    ModulatorError,
    MethodError,
    DeviceError,
    FormatError,
    WriterLockedError,
    checkpoint.CheckpointError,
    OSError,  # a disk that is full, a folder that may not be written
)
"""Errors that a person can mend; their message is one line."""


class StopNow(BaseException):
    """A second signal: end at once."""


def main(words: Sequence[str] | None = None) -> int:
    """Runs the process; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m asgml.core.worker", description="Train the run in a run directory."
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    given = parser.parse_args(words)
    try:
        return work(RunPaths(given.run.resolve()), resume=given.resume)
    except KNOWN_ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def work(paths: RunPaths, *, resume: bool) -> int:
    """Makes the components of the run and trains. Errors before the first step are raised, later ones recorded in the run."""
    config = read_config(paths)
    if config.threads:
        torch.set_num_threads(config.threads)
    device = find_device(config.device)
    data = load_data(config.data.name, config.data.options, config.data.seed)
    earlier = earlier_run(paths) if resume else None
    if earlier:
        refuse_other_data(paths, earlier, data)
    manifest = (
        earlier.manifest
        if earlier and earlier.manifest
        else make_manifest(paths.name, config, data, device)
    )
    components = make_components(config, paths, data, manifest, device)
    trainer = Trainer(components)
    if earlier:
        take_up(trainer, earlier)
        writer = RunWriter.resume(paths, to_array=components.recorder.to_array)
    else:
        writer = RunWriter.create(paths, manifest, to_array=components.recorder.to_array)
    components.recorder.open(writer)
    return train_to_the_end(trainer, "resumed" if earlier else "started")


def read_config(paths: RunPaths) -> RunSettings:
    """The run's configuration from run.toml. Raises ConfigError."""
    try:
        return make_config(tomllib.loads(paths.config.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ConfigError(
            f"no configuration in {paths.root}: expected {paths.config.name}; start runs with `asgml train`"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{paths.config} is not valid TOML: {error}") from None


def take_up(trainer: Trainer, earlier: Run) -> None:
    """Goes back to the newest checkpoint (or the beginning), and remembers what was answered and turned after it."""
    path = checkpoint.newest(trainer.components.paths.checkpoints)
    if path is not None:
        trainer.load_state_dict(checkpoint.load(path))
    remember(trainer.components.command_handler, trainer.progress.step, earlier)


def train_to_the_end(trainer: Trainer, beginning: str) -> int:
    """Trains, and closes the run whatever happens; returns the exit code."""
    end, error = State.FAILED, ""
    signals_stop(trainer)
    try:
        try:
            emit_beginning(beginning, trainer.components.command_handler)
            end = trainer.train()
        finally:
            ignore_signals()
    except StopNow:  # it may come when the training has just ended
        end = State.STOPPED if end is State.FAILED else end
    except Exception as failure:  # noqa: BLE001 - whatever ended the training is told in the run and in trainer.log
        error = one_line(failure)
        traceback.print_exc()
    close_run(end, trainer.components.command_handler, error)
    return 1 if end is State.FAILED else 0


def signals_stop(trainer: Trainer) -> None:
    """The first SIGTERM or SIGINT asks for the end, the second demands it, once; losing the terminal means nothing."""
    demanded = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal demanded
        if trainer.components.command_handler.stopping and not demanded:
            demanded = True  # raised again, it would cut off what follows from the first
            raise StopNow
        trainer.components.command_handler.stop()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def ignore_signals() -> None:
    """From the end of the training on: a run that is being closed must not be cut off, and it takes but a moment."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
