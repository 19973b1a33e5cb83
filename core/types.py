"""The data types of a training step, and the legend of shapes.

B  samples in the batch      C  classes
D  features of a modality    m  name of a modality (a dictionary key)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Scalar = float | Tensor
"""A number, or a 0-dimensional tensor that stays on its device."""

Rule = Literal["kernels", "all", "head"]
"""Parameters of a modality that a gain acts on.

kernels: its encoder's kernels (see Encoder.kernel_rule); all: its whole encoder; head: the weights
of the fusion that belong to it alone (see Fusion.parts).
"""

RULES = get_args(Rule)

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Criterion:
    """Settings of the cross-entropy of a training; the defaults are the plain one.

    `label_smoothing` is spread evenly over the classes, `class_weights` (C,) are on the device.
    """

    label_smoothing: float = 0.0
    class_weights: Float[Tensor, "C"] | None = None


PLAIN = Criterion()


@dataclass(frozen=True)
class Mix:
    """The smaller part of each mixed sample: classes of the partners, and their share of it."""

    labels: Int[Tensor, "B"]
    share: float


@dataclass(frozen=True)
class Batch:
    """Inputs of each modality, (B, ...), true classes, and the targets of a regression.

    In a regression the classes are the signs of the targets. `criterion` is set in batches that are
    trained on. With a `mix`, `labels` are the classes of the larger parts of mixed samples.
    `present` is False where a modality of a sample is masked, its features zero; None: nothing is.
    """

    inputs: Mapping[str, Tensor]
    labels: Int[Tensor, "B"]
    targets: Float[Tensor, "B"] | None = None
    criterion: Criterion = PLAIN
    mix: Mix | None = None
    present: Mapping[str, Bool[Tensor, "B"]] | None = None


@dataclass(frozen=True)
class Repeats:
    """Training samples that are shown once more in an epoch, each with some modalities masked.

    A sample may be named several times. `present` is False where a modality is masked. All are on
    the host.
    """

    samples: Int[Tensor, "K"]
    present: Mapping[str, Bool[Tensor, "K"]]


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
class HeadPart:
    """Weights of a head that belong to one modality: a parameter, or some columns of it."""

    parameter: Tensor
    columns: slice | None = None

    @property
    def gradient(self) -> Tensor | None:
        """The gradient of these weights, a view; None where there is none."""
        whole = self.parameter.grad
        return whole if whole is None or self.columns is None else whole[:, self.columns]


@dataclass(frozen=True)
class ParameterGroup:
    """One encoder's trainable parameters: its kernels, and the others (biases, normalisation).

    A frozen encoder has none. `device` is where its parameters are. `head` are the weights of the
    fusion that belong to the same modality.
    """

    kernels: tuple[torch.nn.Parameter, ...]
    others: tuple[torch.nn.Parameter, ...]
    device: torch.device = CPU
    head: tuple[HeadPart, ...] = ()

    def gradients(self, rule: str) -> list[Tensor]:
        """Return the gradients that a rule acts on, of the parameters that have one.

        Raise ValueError for another text than a Rule.
        """
        if rule not in RULES:
            raise ValueError(f"rule {rule!r}: expected {' or '.join(RULES)}")
        if rule == "head":
            return [g for part in self.head if (g := part.gradient) is not None]
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
    `unimodal_loss` is that of each modality's own logits.
    """

    loss: float
    accuracy: float
    unimodal_accuracy: Mapping[str, float]
    probe_accuracy: Mapping[str, float]
    scores: Mapping[str, float] = field(default_factory=dict)
    unimodal_loss: Mapping[str, float] = field(default_factory=dict)
