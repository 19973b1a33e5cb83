"""The network of a configuration, and the best one that a run has kept, with every value checked.

A run may have been written by anybody: its weights are read as tensors only, and compared with the
shapes that its configuration asks for before a network is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from asgml.core.config.run_config import ConfigError, make_config
from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset
from asgml.core.measures.task import make_task
from asgml.core.model.encoders.base import EncoderError
from asgml.core.model.fusion.base import FusionError
from asgml.core.model.model import ModelError, MultimodalModel, make_model
from asgml.core.run import checkpoint
from asgml.core.run.protocol import changed_encoder
from asgml.core.run.unimodal_reference import ReferenceRunError, best_model
from asgml.core.user_file import UserFileError, split_target
from asgml.storage.read.reader import Run


def configured_model(config: RunSettings, data: Dataset) -> MultimodalModel:
    """Return a new network for this data, its weights drawn from torch's global generator.

    Raise EncoderError, FusionError or ModelError where configuration and data do not fit.
    """
    fusion = config.fusion
    # a recipe names the encoders of all modalities of its data, also where one is trained alone
    unused = data.info.get("unused", ())
    encoder = {m: kind for m, kind in config.encoder.items() if m not in unused}
    outputs = make_task(data).outputs(data)
    return make_model(data.shapes, outputs, encoder, fusion.kind, fusion.hidden, fusion.alone)


def stored_config(stored: Mapping[str, Any], what: str) -> RunSettings:
    """Return the configuration that a run's manifest holds. Raise ReferenceRunError."""
    try:
        return make_config(stored)
    except ConfigError as error:
        raise ReferenceRunError(
            f"{what} has a configuration that cannot be used: {error}"
        ) from None


def load_best_model(
    run: Run, step: int, data: Dataset, what: str, sha256: str = ""
) -> MultimodalModel:
    """Return the best network of a run on the CPU, in eval mode, its weights fixed.

    `data` has the modalities and classes that it was trained on. Draws no random number. Raise
    ReferenceRunError where the checkpoint is missing, damaged, of another network, or not the file
    with the digest `sha256`, and where the file of a user's encoder has changed since.
    """
    path = best_model(run, step)
    if path is None:
        name = checkpoint.best_path(run.paths.checkpoints, step).name
        raise ReferenceRunError(f"{what} has lost its best model, checkpoints/{name}")
    if sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ReferenceRunError(
            f"{what} has another model than when this run began: {path.name} was changed; "
            "put it back, or start a new run"
        )
    try:
        state = checkpoint.load(path)
    except (checkpoint.CheckpointError, AttributeError):
        raise ReferenceRunError(f"{what} has a best model that cannot be read: {path}") from None
    config = stored_config(run.manifest.config if run.manifest else {}, what)
    _refuse_changed_encoders(run, config, data, what)
    return _fixed(_with_weights(config, data, state, what))


def _refuse_changed_encoders(run: Run, config: RunSettings, data: Dataset, what: str) -> None:
    """Raise ReferenceRunError where a user's encoder is not the code that the weights belong to."""
    named = [m if m in config.encoder else "default" for m in data.modalities]
    kinds = {key: config.encoder[key] for key in named if key in config.encoder}
    try:
        changed = changed_encoder(run.manifest.data if run.manifest else {}, kinds)
    except UserFileError as error:
        raise ReferenceRunError(f"{what} has lost an encoder: {error}") from None
    if changed is not None:
        raise ReferenceRunError(
            f"{what} was trained with another content of {split_target(kinds[changed])[0]} "
            f"(encoder.{changed}); put the old file back, or train it again"
        )


def _with_weights(
    config: RunSettings, data: Dataset, state: Mapping[str, Any], what: str
) -> MultimodalModel:
    """Return the network of a configuration with the weights of a checkpoint."""
    if state.get("classes") != list(data.classes):
        raise ReferenceRunError(f"{what} has a best model of other classes; train it again")
    try:
        with torch.device("meta"):  # shapes alone: nothing is allocated for what does not fit
            expected = configured_model(config, data).state_dict()
        weights = _checked_weights(state.get("model"), expected, what)
        # the global generator stays where it was: the student's weights come out of it
        with torch.random.fork_rng(devices=[]):
            model = configured_model(config, data)
    except (EncoderError, FusionError, ModelError) as error:
        raise ReferenceRunError(f"{what} does not fit this data: {error}") from None
    model.load_state_dict(weights)
    return model


def _checked_weights(
    weights: Any, expected: Mapping[str, Tensor], what: str
) -> Mapping[str, Tensor]:
    """Return the weights. Raise ReferenceRunError unless they are as expected, and finite."""
    known = weights if isinstance(weights, Mapping) else {}
    same = known.keys() == expected.keys() and all(
        isinstance(known[name], Tensor)
        and known[name].shape == tensor.shape
        and known[name].dtype == tensor.dtype
        for name, tensor in expected.items()
    )
    if not same:
        raise ReferenceRunError(
            f"{what} has a best model whose weights are not those of its configuration on this "
            "data; train it again"
        )
    if not all(bool(tensor.isfinite().all()) for tensor in known.values()):
        raise ReferenceRunError(f"{what} has a best model with weights that are not finite")
    return known


def _fixed(model: MultimodalModel) -> MultimodalModel:
    return model.eval().requires_grad_(requires_grad=False)
