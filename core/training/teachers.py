"""The teachers of a run: the frozen networks of its references, one for each modality."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from asgml.core.config.run_settings import RunSettings
from asgml.core.data.base import Dataset, select_modalities
from asgml.core.methods.spec import TEACHERS, MethodError
from asgml.core.model.model import MultimodalModel
from asgml.core.run.trained_model import load_best_model
from asgml.core.run.unimodal_reference import open_foreign
from asgml.storage.format.reference import Reference


def load_teachers(
    config: RunSettings,
    data: Dataset,
    references: Mapping[str, Reference],
    device: torch.device,
) -> dict[str, MultimodalModel]:
    """Return the teacher of each modality on the device, in eval mode; none where none is needed.

    Raise MethodError where a method needs a teacher that is not named, ReferenceRunError where the
    run of one does not hold the network that it held when this run began.
    """
    needing = [
        method.name
        for method in config.methods
        if TEACHERS in method.required(config.section(method.name))
    ]
    if not needing:
        return {}
    _refuse_missing(needing[0], data, references)
    return {m: _teacher(m, references[m], data).to(device) for m in data.modalities}


def _teacher(modality: str, reference: Reference, data: Dataset) -> MultimodalModel:
    what = f"the reference of {modality}, {reference.path},"
    run = open_foreign(Path(reference.path), what)
    alone = select_modalities(data, [modality])
    return load_best_model(run, reference.step, alone, what, reference.model_sha256)


def _refuse_missing(method: str, data: Dataset, references: Mapping[str, Reference]) -> None:
    if missing := [m for m in data.modalities if m not in references]:
        have = "has" if len(missing) == 1 else "have"
        raise MethodError(
            f"{method} learns from teachers, one network of each modality alone, and "
            f"{', '.join(missing)} {have} none: give references.{missing[0]}=RUN, "
            f"a run of `asgml train --only {missing[0]}`"
        )
