"""MMPareto: give each encoder the gradient that serves the multimodal and its own loss alike, at restored size.

Wei, Hu: MMPareto: Boosting Multimodal Learning with Innocent Unimodal Assistance, ICML 2024.

    L        = L_task + sum_m CE(z_m, y)
    g0, g1   = gradients of L_task and of CE(z_m, y) in encoder m
    k0, k1   = 1/2, 1/2 where cos(g0, g1) > 0, else the minimum-norm point of the two: k0 + k1 = 1, |k0 g0 + k1 g1| smallest
    d        = 2 k0 g0 + 2 k1 g1
    g_m      <- 1.5 * d * max(1, |g0 + g1| / |d|)              tensor by tensor

cos and k are of the encoder as a whole. Every encoder is a problem of two losses, so any number of modalities will do.
The own loss of m reaches no other encoder: two backward passes give all g0 and all g1.
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


class MMPareto(Modulator):
    """Turns the encoders' gradients; the heads keep the plain gradient of all losses."""

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
        pairs, self.pairs = self.pairs, {}
        directions, cosines = {}, {}
        for m, (g0, g1) in pairs.items():
            cosines[f"conflict_cosine/{m}"], new = pareto_directions(g0, g1, self.number("gamma"))
            group = backward.groups[m]
            kept = [parameter.grad is not None for parameter in group.kernels + group.others]
            directions[m] = [direction for direction, keep in zip(new, kept, strict=True) if keep]
        return Modulation(directions=directions, readings=cosines)


def pareto_directions(g0: Gradients, g1: Gradients, gamma: float) -> tuple[Tensor, Gradients]:
    """The conflict cosine of an encoder, 0 where a gradient is zero, and its new gradients."""
    v00, v01, v11 = dot(g0, g0), dot(g0, g1), dot(g1, g1)
    cosine = cosine_of(v00, v01, v11)
    k0 = torch.where(cosine > 0, torch.full_like(v01, 0.5), min_norm_weight(v00, v01, v11))
    return cosine, [
        restored(2 * k0 * a + 2 * (1 - k0) * b, a + b, gamma) for a, b in zip(g0, g1, strict=True)
    ]


def min_norm_weight(v00: Tensor, v01: Tensor, v11: Tensor) -> Tensor:
    """k0 of the shortest vector between g0 and g1, from their inner products; the ends are 0.999 and 0.001, as published."""
    inside = (v11 - v01) / (v00 + v11 - 2 * v01)
    ends = torch.where(v01 >= v00, torch.full_like(v01, 0.999), torch.full_like(v01, 0.001))
    return torch.where((v01 >= v00) | (v01 >= v11), ends, inside)


def restored(direction: Tensor, plain: Tensor, gamma: float) -> Tensor:
    """gamma * direction, at least as long as the plain gradient; a direction of no length stays zero."""
    norm = direction.norm()
    ratio = torch.where(norm > 0, plain.norm() / norm, torch.ones_like(norm))
    return gamma * direction * ratio.clamp_min(1.0)
