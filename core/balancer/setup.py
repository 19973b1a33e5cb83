"""What a loop of one's own gives, as the parts that methods expect; what it cannot give is refused with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.config.live_knobs import live_knobs
from asgml.core.config.live_settings import LiveSettings, make_live_settings
from asgml.core.config.run_config import ConfigError, make_config
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset, Split
from asgml.core.methods.registry import METHODS
from asgml.core.methods.spec import (
    CHANGES_FUSION_INPUT,
    NEEDS_HEAD,
    NEEDS_LENGTH,
    READS_DATA,
    RUNS_ENCODERS,
    SETS_RATES,
    MethodError,
)
from asgml.core.model.encoders.base import Encoder
from asgml.core.model.fusion.base import Features, Fusion
from asgml.core.model.fusion.linear import split_logits
from asgml.core.model.model import MultimodalModel
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.user_modulator import load_user_class, user_knobs
from asgml.core.run.manifest_builder import describe_run
from asgml.storage.format.knobs import Knob, Value
from asgml.storage.format.manifest import Manifest

ANSWERS = {
    CHANGES_FUSION_INPUT: "by then the loop has fed it; use `asgml train`",
    RUNS_ENCODERS: "the loop alone runs them; use `asgml train`",
    READS_DATA: "the data is the loop's; use `asgml train`",
    SETS_RATES: "the optimizer is the loop's; leave it out, or use `asgml train`",
    NEEDS_HEAD: "give head=, the nn.Linear on the joined features",
    NEEDS_LENGTH: "give epochs=",
}


class LoopError(ValueError):
    """A loop and a method that do not go together, or a call out of place. One line for a person."""


class GivenEncoder(Encoder):
    """Any module. Its kernels are its convolution kernels, or its matrices where it has none."""

    def __init__(self, network: nn.Module, features: int) -> None:
        super().__init__()
        self.network = network
        self.features = features
        self.kernel_rule = (
            "conv4d" if any(parameter.dim() == 4 for parameter in network.parameters()) else "ndim2"
        )

    def forward(self, inputs: Tensor) -> Float[Tensor, "B D"]:
        return cast(Tensor, self.network(inputs))


class GivenHead(Fusion):
    """The loop's own linear head on the features, joined in the order of the encoders."""

    def __init__(self, head: nn.Linear, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.head = head
        self.widths = dict(widths)

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        return cast(Tensor, self.head(torch.cat([features[m] for m in self.widths], dim=1)))

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        weight = self.head.weight
        bias = weight.new_zeros(len(weight)) if self.head.bias is None else self.head.bias
        return split_logits(
            {m: feature.to(weight.dtype) for m, feature in features.items()},
            self.widths,
            weight,
            bias,
        )

    @property
    def output_layer(self) -> nn.Linear:
        return self.head


class NoHead(Fusion):
    """Stands in where the loop keeps its head to itself and says what each modality's own logits are."""

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        raise MethodError(
            "this method runs the head: give Balancer head=, the nn.Linear on the joined features"
        )

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        raise LoopError(
            "unimodal_logits is missing: give each modality's own logits (B, C), or Balancer head=, the nn.Linear on the features"
        )


class NoSplits(dict[str, Split]):
    """Stands in for data that only the loop sees."""

    def __missing__(self, split: str) -> Split:
        raise MethodError(
            f"this method reads the split {split!r}, but the data is the loop's; use `asgml train`"
        )


def loop_config(
    method: str, modulator: str, seed: int, epochs: int | None, settings: Mapping[str, Value]
) -> RunSettings:
    """The configuration that these arguments amount to. Raises ConfigError with one line."""
    tree: dict[str, Any] = {
        "method": method,
        "modulator": modulator,
        "seed": seed,
        **({"epochs": epochs} if epochs else {}),
    }
    for key, value in settings.items():
        section, _, name = key.partition(".")
        if not name or section not in {*METHODS, "probe", "loss"}:
            raise ConfigError(
                f"settings {key!r}: expected a setting of a method, such as boost.alpha, probe.* or loss.gamma; the rest is the loop's"
            )
        tree.setdefault(section, {})[name] = value
    return make_config(tree)


def refuse_what_cannot_be(
    config: RunSettings, modalities: Sequence[str], *, head: bool, length: bool
) -> None:
    """Raises LoopError for a method that asks for more than the loop can let it do."""
    granted = {NEEDS_HEAD: head, NEEDS_LENGTH: length}
    for method in config.methods:
        if method.modalities not in (None, len(modalities)):
            raise LoopError(
                f"{method.name} is defined for {method.modalities} modalities, these are {len(modalities)}"
            )
        for deed in method.required(config.section(method.name)):
            if not granted.get(deed, False):
                setting = f" with {method.requires[deed]}" if method.requires[deed] else ""
                raise LoopError(f"{method.name}{setting} has to {deed}: {ANSWERS[deed]}")
    if config.modulator:
        _refuse_user(load_user_class(config.modulator))


def _refuse_user(user: type[Modulator]) -> None:
    for hook, deed in (("before_fusion", CHANGES_FUSION_INPUT), ("end_epoch", READS_DATA)):
        if getattr(user, hook) is not getattr(Modulator, hook):
            raise LoopError(f"{user.__name__}.{hook} has to {deed}: {ANSWERS[deed]}")


def loop_model(
    encoders: Mapping[str, nn.Module],
    widths: Mapping[str, int] | None,
    head: nn.Linear | None,
    classes: int,
) -> MultimodalModel:
    """The loop's encoders and head as the model that methods know. Raises LoopError where their sizes do not fit."""
    given = {m: _encoder(m, network, widths) for m, network in encoders.items()}
    found = {m: encoder.features for m, encoder in given.items()}
    if head is None:
        return MultimodalModel(given, NoHead())
    expected = (sum(found.values()), classes)
    if (head.in_features, head.out_features) != expected:
        sizes = f"nn.Linear({head.in_features}, {head.out_features})"
        raise LoopError(
            f"head is {sizes}, expected nn.Linear{expected} on the joined features; else leave it out and give unimodal_logits"
        )
    return MultimodalModel(given, GivenHead(head, found))


def _encoder(modality: str, network: nn.Module, widths: Mapping[str, int] | None) -> Encoder:
    if widths is not None and set(widths) >= {modality}:
        return GivenEncoder(network, widths[modality])
    if isinstance(network, Encoder):
        return network
    raise LoopError(
        f"widths lacks {modality!r}: give the number of features of each encoder, such as widths={{{modality!r}: 128}}"
    )


def loop_data(modalities: Sequence[str], classes: int | Sequence[str]) -> Dataset:
    """What is known of the loop's data."""
    names = (
        tuple(f"class {i}" for i in range(classes)) if isinstance(classes, int) else tuple(classes)
    )
    return Dataset("own loop", tuple(modalities), names, {}, NoSplits(), {})


def loop_live_settings(config: RunSettings, own: Sequence[Knob]) -> LiveSettings:
    """The knobs of the methods and probes, and the loop's own, which it reads by itself. Not what only the trainer reads."""
    ours = (
        {method.name for method in config.methods}
        | {"probe"}
        | ({"loss"} if config.loss.gamma > 0 else set())
    )
    live_settings = make_live_settings(
        config,
        user_knobs(config),
        [knob.name for knob in live_knobs(config) if knob.owner not in ours],
    )
    names = [knob.name for knob in own]
    if taken := [
        name
        for name in names
        if name in {knob.name for knob in live_settings.knobs} or names.count(name) > 1
    ]:
        raise LoopError(f"knob {taken[0]!r} is taken; give yours another name")
    return LiveSettings([*live_settings.knobs, *own], live_settings.values)


def loop_manifest(
    name: str,
    config: RunSettings,
    data: Dataset,
    live_settings: LiveSettings,
    device: torch.device,
    per_epoch: int,
) -> Manifest:
    """The manifest of a run whose loop is not ours: only the part of the configuration that acts in it."""
    sections = {method.name for method in config.methods if method.settings}
    acting = config.model_dump(
        mode="json", include={"method", "modulator", "seed", "loss", "probe", "epochs", *sections}
    )
    if "epochs" not in config.model_fields_set:
        del acting["epochs"]
    total = int(acting.get("epochs", 0))
    described = describe_run(name, config, data.modalities, data.classes, device)
    return replace(
        described,
        config={**acting, "data": {"name": data.name}},
        data={"name": data.name},
        knobs=live_settings.knobs,
        total_epochs=total,
        steps_per_epoch=per_epoch,
        total_steps=total * per_epoch,
    )
