"""The components of a training, made from its configuration and its data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from asgml.core.config.live_settings import LiveSettings, make_live_settings
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.data.loading.batches import Batches
from asgml.core.data.loading.gpu_residency import to_device
from asgml.core.measures.task import criterion_of, make_task
from asgml.core.measures.task_base import Task
from asgml.core.model.model import MultimodalModel
from asgml.core.model.optimizer import make_optimizer
from asgml.core.modulators.user_modulator import user_knobs
from asgml.core.run.recorded_run import RecordedRun
from asgml.core.run.trained_model import configured_model
from asgml.core.run.unrecorded import UnrecordedRun
from asgml.core.seeds import seed_for
from asgml.core.training.balancing import Balancing, make_balancing
from asgml.core.training.diagnostics import Diagnostics
from asgml.core.training.early_stopping import EarlyStopping
from asgml.core.training.mixup import Mixup, make_mixup
from asgml.core.training.precision import PRECISIONS
from asgml.core.training.refusals import (
    refuse_frozen,
    refuse_other_fusion,
    refuse_single,
    refuse_unfit,
    refuse_without_class_scores,
    try_encoders,
)
from asgml.core.training.update import Update
from asgml.core.types import Criterion
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.read.reader import Run


class DeviceError(ValueError):
    """A device that this machine lacks. The message is one line."""


@dataclass(frozen=True)
class Components:
    """All that the trainer joins."""

    config: RunSettings
    data: Dataset
    device: torch.device
    model: MultimodalModel
    balancing: Balancing
    optimizer: torch.optim.Optimizer
    update: Update
    diagnostics: Diagnostics
    batches: Batches
    mixup: Mixup
    early_stopping: EarlyStopping
    run: RecordedRun


def make_components(
    config: RunSettings,
    paths: RunPaths,
    data: Dataset,
    manifest: Manifest,
    device: torch.device,
    earlier: Run | None = None,
    *,
    recorded: bool = True,
) -> Components:
    """Make all components. `earlier` is the published part of a run that is resumed.

    One that is not recorded has a folder for checkpoints, and neither a store nor an inbox.
    Weights are drawn on the CPU, so a seed means the same model on every device.
    """
    data = _on_device(data, device)
    task = make_task(data)
    _refuse(config, data, task)
    mixup, criterion = make_mixup(config, task), criterion_of(config, data, device)
    model = _make_model(config, data, device)
    live_settings = make_live_settings(config, user_knobs(config))
    run = _make_run(paths, manifest, live_settings, earlier, recorded=recorded)
    balancing = make_balancing(config, model, data, run, device)
    refuse_frozen(config, model)
    optimizer = make_optimizer(config, model)
    update = _make_update(config, optimizer, balancing, live_settings, device)
    return Components(
        config=config,
        data=data,
        device=device,
        model=model,
        balancing=balancing,
        optimizer=optimizer,
        update=update,
        diagnostics=Diagnostics(balancing.groups, live_settings),
        batches=_make_batches(config, data, device, criterion),
        mixup=mixup,
        early_stopping=EarlyStopping(config.early_stopping),
        run=run,
    )


def _refuse(config: RunSettings, data: Dataset, task: Task) -> None:
    """Raise MethodError for a configuration that cannot work with this data and task."""
    refuse_without_class_scores(config, task)
    refuse_single(config, data)
    refuse_other_fusion(config)


def _make_batches(
    config: RunSettings, data: Dataset, device: torch.device, criterion: Criterion
) -> Batches:
    seed = seed_for("batches", config.seed)
    return Batches(data.splits["train"], config.batch_size, device, seed, criterion)


def _make_run(
    paths: RunPaths,
    manifest: Manifest,
    live_settings: LiveSettings,
    earlier: Run | None,
    *,
    recorded: bool,
) -> RecordedRun:
    if recorded:
        return RecordedRun(paths, manifest, live_settings, earlier)
    return UnrecordedRun(manifest, live_settings, paths)


def _make_update(
    config: RunSettings,
    optimizer: torch.optim.Optimizer,
    balancing: Balancing,
    live_settings: LiveSettings,
    device: torch.device,
) -> Update:
    """Make the update of a configuration. Raise MethodError for a method that cannot work."""
    amp, accumulate = config.optimizer.amp, config.optimizer.accumulate
    refuse_unfit(balancing.modulator, amp, accumulate)
    return Update(optimizer, PRECISIONS[amp](device), live_settings, accumulate)


def _on_device(data: Dataset, device: torch.device) -> Dataset:
    splits = {name: to_device(split, device) for name, split in data.splits.items()}
    return replace(data, splits=splits)


def _make_model(config: RunSettings, data: Dataset, device: torch.device) -> MultimodalModel:
    # right before the weights are drawn: nothing else may draw in between
    torch.manual_seed(seed_for("weights", config.seed))
    model = configured_model(config, data)
    model.to(device)
    try_encoders(config, model, data.splits["train"])
    model.freeze(config.freeze)
    return model


def find_device(name: str) -> torch.device:
    """Return the device that `auto`, `cpu` or `cuda[:N]` names. Raise DeviceError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device, count = torch.device(name), torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        raise DeviceError(
            f"device {name!r}: torch sees {count} GPUs; use device=cpu or see `asgml doctor`"
        )
    return device
