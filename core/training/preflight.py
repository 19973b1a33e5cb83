"""Warnings at the start of a training: settings that cannot have the effect that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.measures.shapley import MOST_MODALITIES
from asgml.core.model.model import MultimodalModel
from asgml.core.run.unimodal_reference import reference_warnings
from asgml.core.training.length_warnings import too_short
from asgml.core.training.method_warnings import method_warnings
from asgml.storage.format.reference import Reference

if TYPE_CHECKING:
    from asgml.core.training.components import Components


def emit_warnings(components: Components, references: Mapping[str, Reference]) -> None:
    """Record, at the start of a new run, which of its settings cannot have their effect."""
    config, model, run = components.config, components.model, components.run
    if run.step > 0:  # a resumed run has them already
        return
    warnings = configuration_warnings(config, model, run.manifest.total_steps)
    warnings += data_warnings(components.data)
    warnings += reference_warnings(config, components.data, references)
    for message in warnings:
        run.recorder.event("alert", level="warning", message=message)
    for message in skipped_measurements(config, model):
        run.recorder.event("phase", message=message)


def configuration_warnings(
    config: RunSettings, model: MultimodalModel, total_steps: int
) -> list[str]:
    """Return one line for each setting that is cancelled, doubled or without effect."""
    return [
        *_cancelled(config),
        *_doubled(config),
        *_without_effect(config, model),
        *_constant_rate(config),
        *_endless_warmup(config, total_steps),
        *method_warnings(config, model),
        *too_short(config, config.epochs, total_steps),
    ]


def data_warnings(data: Dataset) -> list[str]:
    """Return one line for each finding of the loader that bears on a result."""
    missing = data.info.get("missing", 0)
    warnings = [str(warning) for warning in data.info.get("warnings", ())]
    if not missing:
        return warnings
    files = "their files are missing or cannot be used"
    return [f"{missing} clips of {data.name} are left out: {files}", *warnings]


def skipped_measurements(config: RunSettings, model: MultimodalModel) -> list[str]:
    """Return one line for each measurement that is asked for and left out."""
    count = len(model.modalities)
    if not config.diagnose.shapley or count <= MOST_MODALITIES:
        return []
    return [
        f"shapley and conditional_utilization are left out: {count} modalities have "
        f"{2**count} subsets; at most {MOST_MODALITIES} do"
    ]


def cancelled_by_adam(config: RunSettings) -> list[str]:
    """Return the methods that only multiply gradients, where the optimizer divides that out."""
    if config.optimizer.name == "sgd":
        return []
    # via=lr acts after the division, so it is not cancelled
    return [
        method.name
        for method in config.methods
        if method.scales and config.section(method.name).get("via", "gradient") == "gradient"
    ]


def _cancelled(config: RunSettings) -> list[str]:
    optimizer = config.optimizer.name
    return [
        f"{name} multiplies gradients; {optimizer} divides constant factors out again: "
        "use sgd, or via=lr where it has that"
        for name in cancelled_by_adam(config)
    ]


def _doubled(config: RunSettings) -> list[str]:
    """Warn of loss.gamma beside a method that adds the unimodal losses by its own rule.

    The head gets the gradients of both, encoders what the method makes of them.
    """
    gamma = config.loss.gamma
    methods = [method.name for method in config.methods if method.unimodal_loss] if gamma else []
    return [
        f"{name} adds the unimodal losses by its own rule, and loss.gamma={gamma:g} adds them "
        "once more: use loss.gamma=0"
        for name in methods
    ]


def _constant_rate(config: RunSettings) -> list[str]:
    """Warn of a lowest learning rate that leaves the schedule nothing to fall by."""
    settings = config.optimizer
    if settings.min_lr < settings.lr:
        return []
    return [
        f"optimizer.min_lr={settings.min_lr:g} with optimizer.lr={settings.lr:g}: the "
        f"{settings.schedule} schedule has nothing to fall by, the rate stays {settings.lr:g}; "
        "set optimizer.min_lr below optimizer.lr"
    ]


def _endless_warmup(config: RunSettings, total_steps: int) -> list[str]:
    """Warn of a warm-up in steps that the training ends before; one in epochs is refused."""
    warmup = config.optimizer.warmup_steps
    if not 0 < total_steps <= warmup:
        return []
    return [
        f"optimizer.warmup_steps={warmup}: the training has {total_steps} steps and ends within "
        f"the warm-up; set optimizer.warmup_steps below {total_steps}, or train longer"
    ]


def _without_effect(config: RunSettings, model: MultimodalModel) -> list[str]:
    names = [method.name for method in config.methods if method.acts != "nothing"]
    names += [config.modulator] if config.modulator else []
    if not names or not model.frozen:
        return []
    trained = [m for m in model.modalities if m not in model.frozen]
    left = f"only {', '.join(trained)} can be balanced" if trained else "only the head is trained"
    return [
        f"the encoder of {', '.join(model.frozen)} is frozen: "
        f"{' and '.join(names)} can change nothing of it, {left}"
    ]
