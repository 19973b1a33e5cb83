"""MMPareto: give each encoder the gradient that serves the joint and its unimodal loss alike.

Wei, Hu: MMPareto: Boosting Multimodal Learning with Innocent Unimodal Assistance, ICML 2024.
Formula: MMPARETO in core/methods/directions.py; the last line restores the size of the gradient.

cos and k are of the encoder as a whole. Every encoder is a problem of two losses, so any number of
modalities will do. The unimodal loss of m reaches no other encoder: two backward passes give all g0
and all g1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from asgml.core.measures.gradients import (
    Gradients,
    cosine_of,
    dot,
    gradient_pairs,
)
from asgml.core.measures.task import sum_of_unimodal_losses
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.context import MethodContext
from asgml.core.modulators.modulation import Modulation
from asgml.core.types import Backward, Forward, Scalar
from asgml.storage.format.knobs import Value

ENDS = 0.999, 0.001
"""k0 where g0 or g1 itself is the shortest vector, as published."""


class MMPareto(Modulator):
    """Directions for the encoders; the heads keep the plain gradient of all losses."""

    def __init__(self, modalities: Sequence[str], options: Mapping[str, Value]) -> None:
        super().__init__(modalities, options)
        self.pairs: dict[str, tuple[Gradients, Gradients]] = {}

    def attach(self, context: MethodContext) -> None:
        self.groups = context.groups

    def loss(self, forward: Forward) -> Scalar:
        return sum_of_unimodal_losses(forward)

    def before_backward(self, forward: Forward, task_loss: Tensor) -> None:
        self.pairs = gradient_pairs(task_loss, sum_of_unimodal_losses(forward), self.groups)

    def modulate(self, backward: Backward) -> Modulation:
        # Dropped after use: the pairs are as large as two models.
        pairs, self.pairs = self.pairs, {}
        directions, cosines = {}, {}
        for m, (g0, g1) in pairs.items():
            cosines[f"conflict_cosine/{m}"], new = pareto_directions(g0, g1, self.number("gamma"))
            # `apply` expects a direction for each parameter that has a gradient.
            group = backward.groups[m]
            kept = [parameter.grad is not None for parameter in group.kernels + group.others]
            directions[m] = [direction for direction, keep in zip(new, kept, strict=True) if keep]
        return Modulation(directions=directions, readings=cosines)


def pareto_directions(g0: Gradients, g1: Gradients, gamma: float) -> tuple[Tensor, Gradients]:
    """Return an encoder's conflict cosine, 0 where a gradient is zero, and its new gradients."""
    v00, v01, v11 = dot(g0, g0), dot(g0, g1), dot(g1, g1)
    cosine = cosine_of(v00, v01, v11)
    k0 = torch.where(cosine > 0, torch.full_like(v01, 0.5), min_norm_weight(v00, v01, v11))
    pairs = zip(g0, g1, strict=True)
    return cosine, [restored(2 * k0 * a + 2 * (1 - k0) * b, a + b, gamma) for a, b in pairs]


def min_norm_weight(v00: Tensor, v01: Tensor, v11: Tensor) -> Tensor:
    """Return k0 of the shortest vector between g0 and g1, from their inner products."""
    inside = (v11 - v01) / (v00 + v11 - 2 * v01)
    at_g0, at_g1 = (torch.full_like(v01, end) for end in ENDS)
    ends = torch.where(v01 >= v00, at_g0, at_g1)
    return torch.where((v01 >= v00) | (v01 >= v11), ends, inside)


def restored(direction: Tensor, plain: Tensor, gamma: float) -> Tensor:
    """Return gamma * direction, at least as long as `plain`; a zero direction stays zero."""
    norm = direction.norm()
    ratio = torch.where(norm > 0, plain.norm() / norm, torch.ones_like(norm))
    return gamma * direction * ratio.clamp_min(1.0)
