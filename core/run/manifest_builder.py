"""The manifest builder: method, data, device, versions and knobs of a new run."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from asgml.core.config.live_knobs import live_knobs
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.data.loading.batches import Batches
from asgml.core.measures.task import make_task
from asgml.core.methods.spec import REPEATS_SAMPLES
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.user_modulator import load_user_class, owner_of, user_knobs
from asgml.core.run.protocol import protocol_of
from asgml.core.run.provenance import (
    describe_code,
    describe_git,
    describe_numerics,
    describe_versions,
    launch_folder,
)
from asgml.core.run.unimodal_reference import read_references
from asgml.storage.format.fork_record import Fork
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.reference import KEY, references_to_json
from asgml.storage.format.reference_metrics import REFERENCE_METRICS

WINDOW = ("first_epoch", "last_epoch")


def make_manifest(
    name: str,
    config: RunSettings,
    data: Dataset,
    device: torch.device,
    fork: Fork | None = None,
) -> Manifest:
    """Return the manifest of a new run of the trainer, or of a fork of another run.

    Raise ReferenceRunError where the run of a reference cannot be one.
    """
    per_epoch = Batches.count(len(data.splits["train"]), config.batch_size)
    references = read_references(config, data)
    # unknown, 0, where a method shows samples again: by the time it knows, the manifest is written
    total = 0 if repeats_samples(config) else per_epoch * config.epochs
    return replace(
        describe_run(name, config, data.modalities, data.classes, device),
        config=config.model_dump(mode="json"),
        knobs=[*live_knobs(config), *user_knobs(config)],
        metrics=(*make_task(data).metrics, *(REFERENCE_METRICS if references else ())),
        total_steps=total,
        total_epochs=config.epochs,
        steps_per_epoch=per_epoch,
        parent=fork.as_json() if fork else None,
        data={
            **describe_data(config, data, fork),
            **({KEY: references_to_json(references)} if references else {}),
        },
    )


def repeats_samples(config: RunSettings) -> bool:
    """Return True where a method makes epochs longer than the training split."""
    if config.modulator and load_user_class(config.modulator).repeats is not Modulator.repeats:
        return True
    return any(
        REPEATS_SAMPLES in method.required(config.section(method.name)) for method in config.methods
    )


def describe_data(config: RunSettings, data: Dataset, fork: Fork | None = None) -> dict[str, Any]:
    """Return the facts of a data set, and the protocol of the run on it.

    The lists that normalise it are left out, for their length.
    """
    facts = {key: value for key, value in data.info.items() if key != "normalisation"}
    shapes = {m: list(shape) for m, shape in data.shapes.items()}
    return {
        "name": data.name,
        "shapes": shapes,
        **facts,
        "protocol": protocol_of(config, data, fork).as_json(),
    }


def describe_run(
    name: str,
    config: RunSettings,
    modalities: Sequence[str],
    classes: Sequence[str],
    device: torch.device,
) -> Manifest:
    """Return the manifest entries that the trainer and external loops share."""
    return Manifest(
        name=name,
        created=time.time(),
        config={},
        modalities=modalities,
        classes=classes,
        method=config.method,
        parts=describe_modulators(config),
        device=describe_device(device),
        seed=config.seed,
        host=socket.gethostname(),
        versions=describe_versions(),
        git=describe_git(launch_folder()),
        code=describe_code(config),
        numerics=describe_numerics(device),
    )


def describe_modulators(config: RunSettings) -> list[dict[str, Any]]:
    """Return the modulators, each with its window of epochs."""
    modulators: list[dict[str, Any]] = []
    for method in config.methods:
        section = config.section(method.name)
        window = [section[key] for key in WINDOW] if set(WINDOW) <= set(section) else None
        modulators.append({"name": method.name, "summary": method.summary, "window": window})
    if config.modulator:
        user = load_user_class(config.modulator)
        summary = (user.__doc__ or config.modulator).strip().splitlines()[0]
        modulators.append({"name": owner_of(user), "summary": summary, "window": None})
    return modulators


def describe_device(device: torch.device) -> str:
    if device.type != "cuda":
        return str(device)
    return f"{device} ({torch.cuda.get_device_name(device)})"
