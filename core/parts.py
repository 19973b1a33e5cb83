"""The parts of a training, made from its configuration and its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Generator

from core.balancing import Balancing, make_balancing
from core.batches import Batches, to_device
from core.cautions import refuse_frozen, refuse_without_class_scores
from core.commands import CommandDesk
from core.config import RunSettings
from core.data.base import Dataset
from core.diagnostics import Diagnosis
from core.knobboard import KnobBoard, make_board
from core.model import MultimodalModel, make_model
from core.modulators.base import Composed
from core.modulators.build import user_knobs
from core.probes import Probes
from core.randomness import seed_for
from core.recorder import Recorder
from core.stopwatch import Stopwatch
from core.system import SystemMonitor
from core.task import make_task
from core.types import ParameterGroup
from core.update import Update, make_update
from storage.control import Inbox
from storage.layout import RunPaths
from storage.manifest import Manifest


class DeviceError(ValueError):
    """A device that this machine lacks. One line for a person."""


@dataclass(frozen=True)
class Parts:
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
    board: KnobBoard
    recorder: Recorder
    desk: CommandDesk
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


def make_parts(config: RunSettings, paths: RunPaths, data: Dataset, manifest: Manifest, device: torch.device) -> Parts:
    """Makes all parts. Weights are drawn on the CPU, so a seed means the same model on every device."""
    data = replace(data, splits={name: to_device(split, device) for name, split in data.splits.items()})
    task, fusion = make_task(data), config.fusion
    refuse_without_class_scores(config, task)
    torch.manual_seed(seed_for("weights", config.seed))
    model = make_model(data.shapes, task.outputs(data), config.encoder, fusion.kind, fusion.hidden, fusion.alone)
    model.to(device)
    model.freeze(config.freeze)
    board = make_board(config, user_knobs(config))
    recorder = Recorder(manifest, Stopwatch())
    balancing = make_balancing(config, model, data, board, recorder, device)
    refuse_frozen(config, model)
    optimizer, settings = make_optimizer(config, model), config.optimizer
    return Parts(
        config=config,
        paths=paths,
        data=data,
        device=device,
        model=model,
        balancing=balancing,
        optimizer=optimizer,
        update=make_update(optimizer, balancing.modulator, board, device, amp=settings.amp, accumulate=settings.accumulate),
        diagnosis=Diagnosis(balancing.groups, board),
        batches=Batches(data.splits["train"], config.batch_size, device, seed_for("batches", config.seed)),
        board=board,
        recorder=recorder,
        desk=CommandDesk(Inbox(paths.commands), board, recorder),
        system=SystemMonitor(device),
    )


def make_optimizer(config: RunSettings, model: MultimodalModel) -> torch.optim.Optimizer:
    """One parameter group for each encoder, under its modality's name, and one for the rest; their updates are the same.

    `momentum` is SGD's, or the first beta of Adam and AdamW.
    """
    settings = config.optimizer
    encoders = [{"params": list(encoder.parameters()), "modality": m} for m, encoder in model.encoders.items()]
    groups = [*encoders, {"params": list(model.fusion.parameters()), "modality": ""}]
    if settings.name == "sgd":
        return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, weight_decay=settings.weight_decay)
    kind = torch.optim.Adam if settings.name == "adam" else torch.optim.AdamW
    return kind(groups, lr=settings.lr, betas=(settings.momentum, 0.999), weight_decay=settings.weight_decay)


def lr_at(epoch: int, lr: float, decay_every: int, decay: float) -> float:
    """The stepped learning rate (torch's StepLR in closed form), so that `lr` can be turned at any time."""
    return lr * decay ** (epoch // decay_every)


def find_device(word: str) -> torch.device:
    """The device that `auto`, `cpu` or `cuda[:N]` means. Raises DeviceError where the machine has none."""
    if word == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(word)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"device {word!r}: torch sees {torch.cuda.device_count()} GPUs; use device=cpu or see `asgml doctor`")
    return device
