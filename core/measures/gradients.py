"""Measures of gradients: their norms, clipping, and the conflict between those of two losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from asgml.core.types import ParameterGroup, Scalar

Gradients = list[Tensor]

CLIP_FLOOR = 1e-6
"""Added to the norm that a limit is divided by, as in torch's clip_grad_norm_."""


@dataclass(frozen=True)
class EncoderNorms:
    """L2 norms of an encoder's gradients: of all together, and tensor by tensor, kernels first."""

    total: Tensor
    by_tensor: Tensor
    kernels: int

    def scaled(self, of_kernels: Scalar, of_others: Scalar) -> Tensor:
        """Return the norm with the kernels' gradients and the others' multiplied by factors."""
        parts = self.by_tensor.tensor_split([self.kernels])
        norms = [torch.linalg.vector_norm(part) for part in parts]
        return torch.hypot(norms[0] * of_kernels, norms[1] * of_others)


def encoder_norms(group: ParameterGroup) -> EncoderNorms:
    """Return the norms of an encoder's gradients, on their device; 0 where there is none."""
    gradients = group.gradients("all")
    if not gradients:
        zero = torch.zeros((), device=group.device)
        return EncoderNorms(zero, zero.new_zeros(0), 0)
    by_tensor = torch.stack(torch._foreach_norm(gradients))
    total = torch.linalg.vector_norm(by_tensor)
    return EncoderNorms(total, by_tensor, len(group.gradients("kernels")))


def total_norm(tensors: Sequence[Tensor]) -> Tensor:
    """Return the L2 norm of all numbers in all tensors, on their device."""
    # One kernel for all tensors: a norm for each would be a launch for each parameter.
    norms: tuple[Tensor, ...] = torch._foreach_norm(list(tensors))
    total: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return total


def clip(gradients: list[Tensor], limit: Scalar) -> Scalar:
    """Scale all gradients in place so that their joint norm is at most `limit`; 0 is no limit.

    Return the factor, without a copy from the device.
    """
    # A tensor is not compared: that would wait for the device.
    if not gradients or (not isinstance(limit, Tensor) and limit == 0):
        return 1.0
    factor = (limit / (total_norm(gradients) + CLIP_FLOOR)).clamp_max(1.0)
    torch._foreach_mul_(gradients, factor)
    return factor


def gradient_pairs(
    joint: Tensor, unimodal: Tensor, groups: Mapping[str, ParameterGroup]
) -> dict[str, tuple[Gradients, Gradients]]:
    """Return the gradients of both losses for each encoder that trains, {modality: (g0, g1)}.

    `joint` is the loss of the fused logits, `unimodal` the sum of the unimodal losses. Their graph
    is kept. Modality m's logits depend on encoder m alone, so the sum costs one backward pass.
    """
    # Frozen encoders are left out: they have no gradients to compare.
    parameters = {
        m: group.kernels + group.others
        for m, group in groups.items()
        if group.kernels + group.others
    }
    flat = [parameter for trained in parameters.values() for parameter in trained]
    g0, g1 = gradients_of(joint, flat), gradients_of(unimodal, flat)
    ends = torch.tensor([len(trained) for trained in parameters.values()]).cumsum(0).tolist()
    starts = [0, *ends[:-1]]
    return {m: (g0[a:b], g1[a:b]) for m, a, b in zip(parameters, starts, ends, strict=True)}


def gradients_of(loss: Tensor, parameters: Sequence[Tensor]) -> Gradients:
    """Return the gradients of `loss`, zeros where it does not depend on a parameter.

    `.grad` is not touched and the graph is kept: the step's own backward pass still follows.
    """
    found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]


def conflict_cosine(g0: Gradients, g1: Gradients) -> Tensor:
    """Return cos(g0, g1) over all tensors together; 0 where a gradient is zero."""
    return cosine_of(dot(g0, g0), dot(g0, g1), dot(g1, g1))


def cosine_of(v00: Tensor, v01: Tensor, v11: Tensor) -> Tensor:
    """Return v01 / sqrt(v00 v11), the cosine from three inner products; 0 where a length is 0."""
    length = (v00 * v11).sqrt()
    return torch.where(length > 0, v01 / length, torch.zeros_like(length))


def dot(g0: Gradients, g1: Gradients) -> Tensor:
    """Return the inner product over all tensors together."""
    return torch.stack([(a * b).sum() for a, b in zip(g0, g1, strict=True)]).sum()
