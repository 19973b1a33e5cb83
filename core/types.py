"""The data types of a training step, and the legend of shapes.

B  samples in the batch      C  classes
D  features of a modality    m  name of a modality (a dictionary key)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

Scalar = float | Tensor
"""A number, or a 0-dimensional tensor that stays on its device."""

Rule = Literal["kernels", "all"]
"""Parameters of an encoder that a gain acts on: its kernels (see Encoder.kernel_rule), or all."""

RULES = get_args(Rule)

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Batch:
    """Inputs of each modality, (B, ...), true classes, and the targets of a regression.

    In a regression the classes are the signs of the targets.
    """

    inputs: Mapping[str, Tensor]
    labels: Int[Tensor, "B"]
    targets: Float[Tensor, "B"] | None = None


@dataclass(frozen=True)
class Forward:
    """The forward pass of a batch: features, fused logits, and unimodal logits.

    A method that drops samples between encoders and fusion leaves fewer `labels` than `batch` has.
    """

    batch: Batch
    features: Mapping[str, Float[Tensor, "B _"]]
    logits: Float[Tensor, "B C"]
    unimodal_logits: Mapping[str, Float[Tensor, "B C"]]
    labels: Int[Tensor, "B"]


@dataclass(frozen=True)
class ParameterGroup:
    """One encoder's trainable parameters: its kernels, and the others (biases, normalisation).

    A frozen encoder has none. `device` is where its parameters are.
    """

    kernels: tuple[torch.nn.Parameter, ...]
    others: tuple[torch.nn.Parameter, ...]
    device: torch.device = CPU

    def gradients(self, rule: str) -> list[Tensor]:
        """Return the gradients that a rule acts on, of the parameters that have one.

        Raise ValueError for another text than a Rule.
        """
        if rule not in RULES:
            raise ValueError(f"rule {rule!r}: expected {' or '.join(RULES)}")
        chosen = self.kernels if rule == "kernels" else self.kernels + self.others
        return [parameter.grad for parameter in chosen if parameter.grad is not None]


@dataclass(frozen=True)
class Backward:
    """The state after `loss.backward()`: parameters with gradients by encoder, and their norms.

    `trained` are the modalities that train in this turn of the batch; () is all of them.
    """

    forward: Forward
    groups: Mapping[str, ParameterGroup]
    norms: Mapping[str, Tensor]
    trained: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProbeReading:
    """One evaluation of the probes, by modality.

    `accuracy` and `loss` are those of the half batch that the probes were not trained on;
    `utilization` is the moving average of the accuracies, from 0.
    """

    accuracy: Mapping[str, float]
    loss: Mapping[str, float]
    utilization: Mapping[str, float]


@dataclass(frozen=True)
class Evaluation:
    """Means over a split. The loss is in nat, in a regression in units of the targets.

    Accuracies are in [0, 1]: of the fused logits, of the unimodal logits, and of the probes (empty
    without probes). `scores` are those of core/measures/regression.py, in a regression only.
    """

    loss: float
    accuracy: float
    unimodal_accuracy: Mapping[str, float]
    probe_accuracy: Mapping[str, float]
    scores: Mapping[str, float] = field(default_factory=dict)
