"""The parts of a training, made from its configuration and its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Generator

from asgml.core.config.live_settings import LiveSettings, make_live_settings
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.data.batches import Batches
from asgml.core.data.gpu_residency import to_device
from asgml.core.measures.probes import Probes
from asgml.core.measures.task import make_task
from asgml.core.model.model import MultimodalModel, make_model
from asgml.core.model.optimizer import make_optimizer
from asgml.core.modulators.composition import Composed
from asgml.core.modulators.user_modulator import user_knobs
from asgml.core.run.commands import CommandHandler
from asgml.core.run.recorder import Recorder
from asgml.core.run.stopwatch import Stopwatch
from asgml.core.run.system_monitor import SystemMonitor
from asgml.core.seeds import seed_for
from asgml.core.training.balancing import Balancing, make_balancing
from asgml.core.training.diagnostics import Diagnosis
from asgml.core.training.preflight import refuse_frozen, refuse_without_class_scores
from asgml.core.training.update import Update, make_update
from asgml.core.types import ParameterGroup
from asgml.storage.commands.inbox import Inbox
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest


class DeviceError(ValueError):
    """A device that this machine lacks. One line for a person."""


@dataclass(frozen=True)
class Components:
    """Everything the trainer joins."""

    config: RunSettings
    paths: RunPaths
    data: Dataset
    device: torch.device
    model: MultimodalModel
    balancing: Balancing
    optimizer: torch.optim.Optimizer
    update: Update
    diagnosis: Diagnosis
    batches: Batches
    live_settings: LiveSettings
    recorder: Recorder
    command_handler: CommandHandler
    system: SystemMonitor

    @property
    def groups(self) -> Mapping[str, ParameterGroup]:
        return self.balancing.groups

    @property
    def modulator(self) -> Composed:
        return self.balancing.modulator

    @property
    def probes(self) -> Probes | None:
        return self.balancing.probes

    @property
    def noise(self) -> Generator:
        return self.balancing.noise

    @property
    def method_generator(self) -> Generator:
        return self.balancing.method_generator


def make_components(
    config: RunSettings, paths: RunPaths, data: Dataset, manifest: Manifest, device: torch.device
) -> Components:
    """Makes all parts. Weights are drawn on the CPU, so a seed means the same model on every device."""
    data = replace(
        data, splits={name: to_device(split, device) for name, split in data.splits.items()}
    )
    task, fusion = make_task(data), config.fusion
    refuse_without_class_scores(config, task)
    torch.manual_seed(seed_for("weights", config.seed))
    model = make_model(
        data.shapes, task.outputs(data), config.encoder, fusion.kind, fusion.hidden, fusion.alone
    )
    model.to(device)
    model.freeze(config.freeze)
    live_settings = make_live_settings(config, user_knobs(config))
    recorder = Recorder(manifest, Stopwatch())
    balancing = make_balancing(config, model, data, live_settings, recorder, device)
    refuse_frozen(config, model)
    optimizer, settings = make_optimizer(config, model), config.optimizer
    return Components(
        config=config,
        paths=paths,
        data=data,
        device=device,
        model=model,
        balancing=balancing,
        optimizer=optimizer,
        update=make_update(
            optimizer,
            balancing.modulator,
            live_settings,
            device,
            amp=settings.amp,
            accumulate=settings.accumulate,
        ),
        diagnosis=Diagnosis(balancing.groups, live_settings),
        batches=Batches(
            data.splits["train"], config.batch_size, device, seed_for("batches", config.seed)
        ),
        live_settings=live_settings,
        recorder=recorder,
        command_handler=CommandHandler(Inbox(paths.commands), live_settings, recorder),
        system=SystemMonitor(device),
    )


def find_device(word: str) -> torch.device:
    """The device that `auto`, `cpu` or `cuda[:N]` means. Raises DeviceError where the machine has none."""
    if word == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(word)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"device {word!r}: torch sees {torch.cuda.device_count()} GPUs; use device=cpu or see `asgml doctor`"
        )
    return device
