"""Cautions: what in a run's configuration cannot have the effect that is asked for. Told at the start, or refused."""

from __future__ import annotations

from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.measures.shapley import MOST_MODALITIES
from asgml.core.measures.task import Task
from asgml.core.methods.spec import MethodError
from asgml.core.model.model import MultimodalModel

LEAVE_ENCODERS = ("nothing", "loss", "features")
"""When methods act that still have the head to act on where every encoder is frozen."""


def configuration_warnings(config: RunSettings, model: MultimodalModel) -> list[str]:
    """One line each."""
    return [*_cancelled(config), *_doubled(config), *_without_effect(config, model)]


def data_warnings(data: Dataset) -> list[str]:
    """What the loader found that a person should know before believing a result."""
    missing = data.info.get("missing", 0)
    left_out = (
        [f"{missing} clips of {data.name} are left out: their files are missing or cannot be used"]
        if missing
        else []
    )
    return [*left_out, *(str(warning) for warning in data.info.get("warnings", ()))]


def skipped_measurements(config: RunSettings, model: MultimodalModel) -> list[str]:
    """What is asked for and left out, one line each."""
    count = len(model.modalities)
    if not config.diagnose.shapley or count <= MOST_MODALITIES:
        return []
    return [
        f"shapley and conditional_utilization are left out: {count} modalities have {2**count} subsets; at most {MOST_MODALITIES} do"
    ]


def refuse_frozen(config: RunSettings, model: MultimodalModel) -> None:
    """Raises MethodError where every encoder is frozen, and a method would change nothing but encoders."""
    idle = [method.name for method in config.methods if method.acts not in LEAVE_ENCODERS]
    if idle and len(model.frozen) == len(model.modalities):
        raise MethodError(
            f"{idle[0]} acts on encoders, and all are frozen ({', '.join(model.frozen)}); leave one out of freeze, or use baseline"
        )


def refuse_without_class_scores(config: RunSettings, task: Task) -> None:
    """Raises MethodError for a method whose rule is made of class scores where the task is to predict a number."""
    if task.gives_class_scores:
        return
    for method in config.methods:
        if method.reads_class_scores(config.section(method.name)):
            setting = f" with {method.class_scores}" if method.class_scores else ""
            raise MethodError(
                f"{method.name}{setting} goes by the scores of classes, and a regression has one output; "
                "use baseline, uniform, boost, mmpareto or mslr, or train on classes (data.options.task=acc2)"
            )


def cancelled_by_adam(config: RunSettings) -> list[str]:
    """The methods of a run that only multiply gradients, where the optimizer divides that out again."""
    if config.optimizer.name == "sgd":
        return []
    return [
        method.name
        for method in config.methods
        if method.scales and config.section(method.name).get("via", "gradient") == "gradient"
    ]


def _cancelled(config: RunSettings) -> list[str]:
    optimizer = config.optimizer.name
    told = f"multiplies gradients; {optimizer} divides constant factors out again: use sgd, or via=lr where it has that"
    return [f"{name} {told}" for name in cancelled_by_adam(config)]


def _doubled(config: RunSettings) -> list[str]:
    """loss.gamma beside a method that weighs the same losses by itself: the head gets both, encoders what the method makes of it."""
    gamma = config.loss.gamma
    own = [method.name for method in config.methods if method.unimodal_loss] if gamma else []
    return [
        f"{name} adds the unimodal losses by its own rule, and loss.gamma={gamma:g} adds them once more: use loss.gamma=0"
        for name in own
    ]


def _without_effect(config: RunSettings, model: MultimodalModel) -> list[str]:
    names = [method.name for method in config.methods if method.acts != "nothing"] + (
        [config.modulator] if config.modulator else []
    )
    if not names or not model.frozen:
        return []
    trained = [m for m in model.modalities if m not in model.frozen]
    left = f"only {', '.join(trained)} can be balanced" if trained else "only the head is trained"
    return [
        f"the encoder of {', '.join(model.frozen)} is frozen: {' and '.join(names)} can change nothing of it, {left}"
    ]
