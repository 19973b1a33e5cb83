"""Mixup: train on mixtures of two samples and of their classes.

    x~ = (1 - s) * x_i + s * x_j        in every modality, with the same s and j
    L  = (1 - s) * CE(z, y_i) + s * CE(z, y_j)

j is a permutation of the batch, and s = min(t, 1 - t) with t from Beta(alpha, alpha): y_i is then
the class of the larger part. Exchanging both parts of all samples gives the same batch, so this is
mixup as published (Zhang et al., ICLR 2018), one t for a batch as in its released code.

Accuracies, own losses and probes of a training step are against y_i; they are lower than those of
unmixed samples. Evaluations mix nothing. Methods whose rule reads the score of a sample's true
class are refused: a mixed sample has two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asgml.core.config.run_settings import RunSettings
from asgml.core.measures.task_base import Task
from asgml.core.methods.spec import READS_DATA, Method, MethodError
from asgml.core.seeds import seed_for
from asgml.core.types import Batch, Mix

SEEDS = 2**62
"""Number of seeds that shares are drawn from."""


class Mixup:
    """Mixes batches; with alpha 0 it draws nothing and returns each as it is."""

    def __init__(self, alpha: float, seed: int) -> None:
        self.alpha = alpha
        self.generator = torch.Generator().manual_seed(seed)

    def mix(self, batch: Batch) -> Batch:
        """Return the batch with each sample mixed with another one of it."""
        if self.alpha == 0:
            return batch
        share = self._smaller_share()
        order = torch.randperm(len(batch.labels), generator=self.generator)
        partners = order.to(batch.labels.device)
        inputs = {
            m: torch.lerp(_mixable(m, tensor), tensor[partners.to(tensor.device)], share)
            for m, tensor in batch.inputs.items()
        }
        return replace(batch, inputs=inputs, mix=Mix(batch.labels[partners], share))

    def _smaller_share(self) -> float:
        # torch's Beta takes no generator: numpy draws from a seed that this one draws
        seed = int(torch.randint(SEEDS, (), generator=self.generator))
        share = float(np.random.default_rng(seed).beta(self.alpha, self.alpha))
        return min(share, 1 - share)

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self.generator.get_state()} if self.alpha else {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if "generator" in state:
            self.generator.set_state(state["generator"].cpu())


def _mixable(modality: str, inputs: Tensor) -> Tensor:
    """Return the inputs. Raise MethodError where they are whole numbers, such as tokens."""
    if not inputs.is_floating_point():
        raise MethodError(
            f"mixup mixes numbers, and {modality!r} has inputs of {inputs.dtype}, such as the "
            "tokens of a text; use mixup=0"
        )
    return inputs


def make_mixup(config: RunSettings, task: Task) -> Mixup:
    """Return the mixup of a run. Raise MethodError where data or method have no use of it."""
    if config.mixup:
        _refuse_regression(config, task)
        for method in config.methods:
            _refuse_method(config, method)
    return Mixup(config.mixup, seed_for("mixup", config.seed))


def _refuse_regression(config: RunSettings, task: Task) -> None:
    if not task.gives_class_scores:
        raise MethodError(
            f"mixup={config.mixup:g} in a regression: it mixes classes, and the targets have "
            "none; use mixup=0, or train on classes (data.options.task=acc2)"
        )


def _refuse_method(config: RunSettings, method: Method) -> None:
    section = config.section(method.name)
    if method.mixes:
        return
    if method.reads_class_scores(section):
        setting = f" with {method.class_scores}" if method.class_scores else ""
        reason = "reads the score of each sample's true class, and a mixed sample has two classes"
    elif method.acts == "loss" and READS_DATA in method.required(section):
        setting, reason = "", "compares losses of unmixed samples with those that it trains by"
    else:
        return
    raise MethodError(
        f"mixup={config.mixup:g} with {method.name}{setting}, which {reason}; "
        "use mixup=0 or another method"
    )
