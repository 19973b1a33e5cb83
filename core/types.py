"""The shapes that flow through a training step, and their legend.

B  samples in the batch      C  classes
D  features of a modality    m  name of a modality (a dictionary key)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

Scalar = float | Tensor
"""A number, or a tensor of no dimensions that stays on its device."""

Rule = Literal["kernels", "all"]
"""Which of an encoder's parameters a gain acts on: the encoder kind's kernels (see Encoder.kernel_rule), or all of them."""


CPU = torch.device("cpu")


@dataclass(frozen=True)
class Batch:
    """Inputs of each modality, (B, ...), the true classes, and in a regression the targets, of which the classes are the signs."""

    inputs: Mapping[str, Tensor]
    labels: Int[Tensor, "B"]
    targets: Float[Tensor, "B"] | None = None


@dataclass(frozen=True)
class Forward:
    """What the model made of a batch: features, fused logits, and each modality's own logits.

    `batch` is what it was made of; a method that drops samples between encoders and fusion leaves fewer `labels` than
    the batch had.
    """

    batch: Batch
    features: Mapping[str, Float[Tensor, "B _"]]
    logits: Float[Tensor, "B C"]
    unimodal_logits: Mapping[str, Float[Tensor, "B C"]]
    labels: Int[Tensor, "B"]


@dataclass(frozen=True)
class ParameterGroup:
    """One encoder's trainable parameters: its kernels, and the others (biases, normalisation, where a rule leaves them out).

    A frozen encoder has none. `device` is where its numbers are.
    """

    kernels: tuple[torch.nn.Parameter, ...]
    others: tuple[torch.nn.Parameter, ...]
    device: torch.device = CPU

    def gradients(self, rule: Rule) -> list[Tensor]:
        """The gradients that a rule acts on; parameters without a gradient are passed over."""
        chosen = self.kernels if rule == "kernels" else self.kernels + self.others
        return [parameter.grad for parameter in chosen if parameter.grad is not None]


@dataclass(frozen=True)
class Backward:
    """A look back after `loss.backward()`: the gradients by encoder, and their norms."""

    forward: Forward
    groups: Mapping[str, ParameterGroup]
    norms: Mapping[str, Tensor]


@dataclass(frozen=True)
class ProbeReading:
    """One evaluation of the probes, by modality.

    `accuracy` and `loss` are those of the half batch that the probes were not trained on; `utilization` is the moving
    average of the accuracies, from 0.
    """

    accuracy: Mapping[str, float]
    loss: Mapping[str, float]
    utilization: Mapping[str, float]


@dataclass(frozen=True)
class Evaluation:
    """Means over a split. Losses in nat, accuracies in [0, 1]; by modality: its own logits, and its probe (empty without probes).

    `scores` are those of core/measures/regression.py, of a regression alone; its loss is in units of its targets.
    """

    loss: float
    accuracy: float
    unimodal_accuracy: Mapping[str, float]
    probe_accuracy: Mapping[str, float]
    scores: Mapping[str, float] = field(default_factory=dict)
