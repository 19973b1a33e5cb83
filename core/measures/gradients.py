"""Measures of gradients: norms, clipping, and how far those of two losses agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from asgml.core.measures.task import loss_of
from asgml.core.types import Forward, ParameterGroup, Scalar

Gradients = list[Tensor]


def gradient_pairs(
    joint: Tensor, own: Tensor, groups: Mapping[str, ParameterGroup]
) -> dict[str, tuple[Gradients, Gradients]]:
    """g0 and g1 of each encoder that trains; `own` is the sum of the modalities' own losses."""
    parameters = {
        m: group.kernels + group.others
        for m, group in groups.items()
        if group.kernels + group.others
    }
    flat = [parameter for trained in parameters.values() for parameter in trained]
    shared, alone = gradients_of(joint, flat), gradients_of(own, flat)
    ends = torch.tensor([len(trained) for trained in parameters.values()]).cumsum(0).tolist()
    starts = [0, *ends[:-1]]
    return {m: (shared[a:b], alone[a:b]) for m, a, b in zip(parameters, starts, ends, strict=True)}


def unimodal_loss_sum(forward: Forward) -> Tensor:
    """sum_m CE(z_m, y), in nat; in a regression the absolute errors of the modalities' own outputs."""
    return torch.stack(
        [loss_of(forward, logits) for logits in forward.unimodal_logits.values()]
    ).sum()


def gradients_of(loss: Tensor, parameters: Sequence[Tensor]) -> Gradients:
    """Without touching `.grad`; zeros where the loss does not depend on a parameter."""
    found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def conflict_cosine(g0: Gradients, g1: Gradients) -> Tensor:
    """cos(g0, g1) over all tensors together; 0 where a gradient is zero."""
    return cosine_of(dot(g0, g0), dot(g0, g1), dot(g1, g1))


def cosine_of(v00: Tensor, v01: Tensor, v11: Tensor) -> Tensor:
    size = (v00 * v11).sqrt()
    return torch.where(size > 0, v01 / size, torch.zeros_like(size))


def dot(ours: Gradients, theirs: Gradients) -> Tensor:
    return torch.stack([(a * b).sum() for a, b in zip(ours, theirs, strict=True)]).sum()


CLIP_FLOOR = 1e-6
"""Added to the norm that a limit is divided by, as in torch's clip_grad_norm_."""


def gradient_norm(group: ParameterGroup) -> Tensor:
    """L2 norm of all of an encoder's gradients together, on their device; 0 where there is none."""
    gradients = group.gradients("all")
    return total_norm(gradients) if gradients else torch.zeros((), device=group.device)


def clip(gradients: list[Tensor], limit: float) -> Scalar:
    """Multiplies all gradients by the same factor, so that their norm together is at most `limit`; the factor. 0 is no limit."""
    if limit == 0 or not gradients:
        return 1.0
    factor = (limit / (total_norm(gradients) + CLIP_FLOOR)).clamp_max(1.0)
    torch._foreach_mul_(gradients, factor)
    return factor


def total_norm(tensors: Sequence[Tensor]) -> Tensor:
    """L2 norm of all numbers together, on their device."""
    norms: tuple[Tensor, ...] = torch._foreach_norm(list(tensors))
    total: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return total
