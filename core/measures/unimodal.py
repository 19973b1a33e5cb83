"""Measures of unimodal logits: true-class scores, discrepancy ratio, cross-entropies, entropy."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from asgml.core.types import Forward

SMALLEST_SCORE = 1e-12
"""The floor of a score, which keeps ratios finite where the true classes get no probability."""


@torch.no_grad()
def true_class_scores(forward: Forward) -> Float[Tensor, "M"]:
    """Return s_m, the probability of the true class in modality m's logits, summed over the batch.

    In float32 whatever the precision of the logits. Source: OGM-GE (Peng et al., CVPR 2022).
    """
    # Under mixed precision a sum of 64 probabilities would keep two to three digits.
    stacked = torch.stack([logits.detach().float() for logits in forward.unimodal_logits.values()])
    labels = forward.labels.expand(len(stacked), -1).unsqueeze(2)
    return stacked.softmax(dim=2).gather(2, labels).sum(dim=(1, 2))


def discrepancy_ratio(scores: Float[Tensor, "M"]) -> Float[Tensor, "M"]:
    """Return rho_m, the mean of s_m / s_j over the other modalities; 1 for a single modality.

    For more than two modalities this is the rule of Wei et al., On-the-fly Modulation, T-PAMI 2024.
    """
    others = len(scores) - 1
    if others == 0:
        return torch.ones_like(scores)
    safe = scores.clamp_min(SMALLEST_SCORE)
    ratios = safe.unsqueeze(1) / safe.unsqueeze(0)
    # The sum over all j holds s_m / s_m = 1, which is none of the others.
    return (ratios.sum(dim=1) - 1) / others


def cross_entropies(
    unimodal_logits: Float[Tensor, "M B C"], labels: Int[Tensor, "B"]
) -> Float[Tensor, "M"]:
    """Return the mean cross-entropy of each modality's logits, in nat."""
    repeated = labels.expand(len(unimodal_logits), -1)
    losses = functional.cross_entropy(
        unimodal_logits.flatten(0, 1), repeated.reshape(-1), reduction="none"
    )
    return losses.view(len(unimodal_logits), -1).mean(dim=1)


def mean_entropy(unimodal_logits: Float[Tensor, "M B C"]) -> Float[Tensor, "M"]:
    """Return the entropy of each modality's softmax, in nat, averaged over the batch."""
    entropy: Tensor = torch.special.entr(unimodal_logits.softmax(dim=2)).sum(dim=2)
    return entropy.mean(dim=1)
