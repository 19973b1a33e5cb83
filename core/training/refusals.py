"""Refusals before a training: settings that cannot work together, with this model or this data."""

from __future__ import annotations

import torch

from asgml.core.config.rules import one_modality
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset, Split, is_class
from asgml.core.data.loading.batches import take
from asgml.core.measures.task_base import Task
from asgml.core.methods.registry import METHODS
from asgml.core.methods.spec import MethodError
from asgml.core.model.encoders.base import EncoderError
from asgml.core.model.encoders.user_encoder import UserEncoder, try_encoder
from asgml.core.model.fusion.build import LINEAR
from asgml.core.model.model import MultimodalModel
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.composition import Composed
from asgml.core.modulators.window import Windowed

ACT_WITHOUT_ENCODERS = ("nothing", "loss", "features", "data")
"""When methods act that still have the head to act on where every encoder is frozen."""

TRIED = 5
"""Samples of train that a user's encoder is tried with before the training."""


def try_encoders(config: RunSettings, model: MultimodalModel, train: Split) -> None:
    """Raise EncoderError where an encoder cannot take real samples of the user's own code or data.

    An encoder is given two samples, then TRIED: a fault may depend on how many there are.

    Without code of the user's own nothing is tried: what fits what is known then.
    """
    own = [m for m, e in model.encoders.items() if isinstance(e, UserEncoder)]
    if not own and not is_class(config.data.name):
        return
    device = next(model.parameters()).device
    inputs = take(train, torch.arange(min(TRIED, len(train))), device).inputs
    for modality, encoder in model.encoders.items():
        if isinstance(encoder, UserEncoder):
            for count in sorted({min(2, len(inputs[modality])), len(inputs[modality])}):
                try_encoder(modality, encoder, inputs[modality][:count])
        elif not inputs[modality].is_floating_point():
            raise EncoderError(
                f"{modality!r} has inputs of {inputs[modality].dtype}, such as the tokens of a "
                "text, and built-in encoders take float32; give floats, or an encoder of your "
                f"own (--set encoder.{modality}=FILE.py:CLASS)"
            )


def refuse_frozen(config: RunSettings, model: MultimodalModel) -> None:
    """Raise MethodError where all encoders are frozen and a method would act on nothing else."""
    idle = [method.name for method in config.methods if method.acts not in ACT_WITHOUT_ENCODERS]
    if idle and len(model.frozen) == len(model.modalities):
        raise MethodError(
            f"{idle[0]} acts on encoders, and all are frozen ({', '.join(model.frozen)}); "
            "leave one out of freeze, or use baseline"
        )


def refuse_without_class_scores(config: RunSettings, task: Task) -> None:
    """Raise MethodError for a method whose rule reads class scores, in a regression."""
    if task.gives_class_scores:
        return
    for method in config.methods:
        if method.reads_class_scores(config.section(method.name)):
            name, setting, other = method.name, "", ""
            if method.class_scores:
                setting = f" with {method.class_scores}"
                other = f"another {name}.{method.class_scores.partition('=')[0]}, "
            without = ", ".join(_without_class_scores(config))
            raise MethodError(
                f"{name}{setting} goes by the scores of classes, and a regression has one output; "
                f"use {other}one of {without}, or train on classes (data.options.task=acc2)"
            )


def _without_class_scores(config: RunSettings) -> list[str]:
    """Return the methods that a regression may have, as they are set here."""
    return [
        name
        for name, method in METHODS.items()
        if not method.reads_class_scores(config.section(name))
    ]


def refuse_single(config: RunSettings, data: Dataset) -> None:
    """Raise MethodError for a method that balances, where the data has a single modality."""
    if len(data.modalities) == 1 and (names := config.methods_for_several):
        raise MethodError(one_modality(names[0], data.modalities[0]))


def refuse_other_fusion(config: RunSettings) -> None:
    """Raise MethodError for a method that is not defined for the fusion of the run."""
    fusion = config.fusion
    for method in config.methods:
        if method.fusion and (fusion.kind, fusion.alone) != (method.fusion, "split"):
            raise MethodError(
                f"{method.name} is defined for fusion.kind={method.fusion} with "
                f"fusion.alone=split, and the run has {fusion.kind} with {fusion.alone}; "
                f"set fusion.kind={method.fusion} and fusion.alone=split"
            )
        if method.linear and fusion.kind not in LINEAR:
            raise MethodError(
                f"{method.name} needs a fusion that is linear in the features, and fusion.kind is "
                f"{fusion.kind}; set fusion.kind=concat or sum"
            )


def refuse_unfit(modulator: Composed, amp: str, accumulate: int) -> None:
    """Raise MethodError for a method that cannot work with micro-batches or scaled losses.

    Some need the whole batch in one graph, or gradients that no scale has been put on.
    """
    split = f"optimizer.accumulate={accumulate} parts it"
    for name in overriding(modulator, "before_backward"):
        if accumulate > 1:
            raise MethodError(
                f"{name} needs the graph of the whole batch, {split}; use accumulate=1"
            )
        if amp == "fp16":
            raise MethodError(
                f"{name} takes gradients of its own, which amp=fp16 would have to scale; "
                "use amp=bf16 or off"
            )
    if len(turning := overriding(modulator, "turns")) > 1:
        raise MethodError(
            f"{' and '.join(turning)} both train the modalities in turns, which only one can; "
            "leave one of them out"
        )
    for name in overriding(modulator, "before_fusion"):
        if accumulate > 1:
            raise MethodError(
                f"{name} changes what the fusion is fed by the whole batch, {split}; use 1"
            )


def overriding(modulator: Composed, hook: str) -> list[str]:
    """Return the names of the methods that define a hook, rather than inherit the neutral one."""
    inner = {
        name: member.inner if isinstance(member, Windowed) else member
        for name, member in modulator.members.items()
    }
    return [name for name, method in inner.items() if defines(type(method), hook)]


def defines(modulator: type[Modulator], hook: str) -> bool:
    """Return True where a class defines a hook, rather than inherits the neutral one."""
    return getattr(modulator, hook) is not getattr(Modulator, hook)
