"""The configuration, knobs and manifest of an external training loop; unfit methods are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from asgml.core.balancer.errors import LoopError
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
    REPEATS_SAMPLES,
    RUNS_ENCODERS,
    SETS_RATES,
    TEACHERS,
    TRAINS_IN_TURNS,
    MethodError,
)
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.modulation import Modulation
from asgml.core.modulators.user_modulator import load_user_class, user_knobs
from asgml.core.run.manifest_builder import describe_run
from asgml.core.run.provenance import describe_code, describe_program
from asgml.storage.format.knobs import Knob, Value
from asgml.storage.format.manifest import Manifest

REMEDIES = {
    CHANGES_FUSION_INPUT: "by then the loop has fed it; use `asgml train`",
    RUNS_ENCODERS: "the loop alone runs them; use `asgml train`",
    READS_DATA: "the data is the loop's; use `asgml train`",
    SETS_RATES: "the optimizer is the loop's; leave it out, or use `asgml train`",
    TRAINS_IN_TURNS: "the loop alone takes the steps; use `asgml train`",
    NEEDS_HEAD: "give head=, the nn.Linear on the joined features",
    NEEDS_LENGTH: "give epochs=",
    TEACHERS: "they read inputs, and the loop has those; use `asgml train`",
    REPEATS_SAMPLES: "the loop alone chooses its batches; use `asgml train`",
}
"""Requirements of methods that an external loop cannot meet: the reason, and the remedy."""

REFUSED_HOOKS = {
    "before_fusion": CHANGES_FUSION_INPUT,
    "joint_features": CHANGES_FUSION_INPUT,
    "end_epoch": READS_DATA,
    "repeats": REPEATS_SAMPLES,
    "turns": TRAINS_IN_TURNS,
}
"""Hooks of a user's modulator that the loop never calls, and what each requires of it."""


class NoSplits(dict[str, Split]):
    """The splits of data that only the loop has."""

    def __missing__(self, split: str) -> Split:
        raise MethodError(
            f"this method reads the split {split!r}, but the data is the loop's; use `asgml train`"
        )


def loop_config(
    method: str,
    modulator: str,
    seed: int,
    epochs: int | None,
    settings: Mapping[str, Value],
    alerts: Sequence[Mapping[str, Any]] = (),
) -> RunSettings:
    """Return the configuration of these arguments. Raise ConfigError with one line."""
    tree: dict[str, Any] = {"method": method, "modulator": modulator, "seed": seed}
    tree["alerts"] = [dict(rule) for rule in alerts]
    if epochs:
        tree["epochs"] = epochs
    for key, value in settings.items():
        section, _, name = key.partition(".")
        if key == "on_nan":
            tree[key] = value
            continue
        if not name or (section not in {*METHODS, "probe"} and key != "loss.gamma"):
            raise ConfigError(
                f"settings {key!r}: expected a setting of a method, such as boost.alpha, "
                "probe.*, loss.gamma or on_nan; the rest is the loop's"
            )
        tree.setdefault(section, {})[name] = value
    return make_config(tree)


def refuse_unsupported(
    config: RunSettings, modalities: Sequence[str], *, head: bool, length: bool
) -> None:
    """Raise LoopError for a method that requires what the loop does not give."""
    granted = {NEEDS_HEAD: head, NEEDS_LENGTH: length}
    for method in config.methods:
        if method.modalities not in (None, len(modalities)):
            raise LoopError(
                f"{method.name} is defined for {method.modalities} modalities, "
                f"these are {len(modalities)}"
            )
        for required in method.required(config.section(method.name)):
            if not granted.get(required, False):
                setting = f" with {method.requires[required]}" if method.requires[required] else ""
                raise LoopError(f"{method.name}{setting} has to {required}: {REMEDIES[required]}")
    if config.modulator:
        _refuse_user_class(load_user_class(config.modulator))


def _refuse_user_class(user: type[Modulator]) -> None:
    for hook, required in REFUSED_HOOKS.items():
        if getattr(user, hook) is not getattr(Modulator, hook):
            raise LoopError(f"{user.__name__}.{hook} has to {required}: {REMEDIES[required]}")


def refuse_rates(modulation: Modulation) -> None:
    """Raise LoopError where a user's modulator sets rates or a clip: no class tells that before."""
    if modulation.clip is not None:
        raise LoopError(
            "a method clips all gradients of the model, which the loop alone has; use `asgml train`"
        )
    if modulation.rates:
        raise LoopError(
            "a method sets the learning rate of each modality, but the optimizer is the loop's; "
            "use `asgml train`"
        )


def loop_data(modalities: Sequence[str], classes: int | Sequence[str]) -> Dataset:
    """Return modalities and class names as a data set without samples."""
    if isinstance(classes, int):
        classes = [f"class {i}" for i in range(classes)]
    return Dataset("external loop", tuple(modalities), tuple(classes), {}, NoSplits(), {})


def loop_live_settings(config: RunSettings, own_knobs: Sequence[Knob]) -> LiveSettings:
    """Return the knobs of methods and probes, and those that the loop reads by itself.

    Knobs that only the trainer reads (lr, clip, …) are left out. Raise LoopError for a name twice.
    """
    owners = {method.name for method in config.methods} | {"probe"}
    owners |= {"loss"} if config.loss.gamma > 0 else set()
    of_trainer = [knob.name for knob in live_knobs(config) if knob.owner not in owners]
    live_settings = make_live_settings(config, user_knobs(config), of_trainer)
    taken = {knob.name for knob in live_settings.knobs}
    for knob in own_knobs:
        if knob.name in taken:
            raise LoopError(f"knob {knob.name!r} is taken; give yours another name")
        taken.add(knob.name)
    return LiveSettings([*live_settings.knobs, *own_knobs], live_settings.values)


def loop_manifest(
    name: str,
    config: RunSettings,
    data: Dataset,
    live_settings: LiveSettings,
    device: torch.device,
    steps_per_epoch: int,
) -> Manifest:
    """Return the manifest of the run, with only the part of the configuration that acts in it."""
    sections = {method.name for method in config.methods if method.settings}
    acting = {"method", "modulator", "seed", "on_nan", "loss", "probe", "epochs", "alerts"}
    tree = config.model_dump(mode="json", include=acting | sections)
    tree["loss"] = {"gamma": config.loss.gamma}  # the loop's criterion is its own
    # a length that is not known must not be drawn as the default of the configuration
    if "epochs" not in config.model_fields_set:
        del tree["epochs"]
    total = int(tree.get("epochs", 0))
    return replace(
        describe_run(name, config, data.modalities, data.classes, device),
        config={**tree, "data": {"name": data.name}},
        data={"name": data.name},
        code=[*describe_program(), *describe_code(config)],
        knobs=live_settings.knobs,
        total_epochs=total,
        steps_per_epoch=steps_per_epoch,
        total_steps=total * steps_per_epoch,
    )
