"""Measures of what each modality's own logits say: true-class scores, their discrepancy, their entropy."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from asgml.core.types import Forward

SMALLEST_SCORE = 1e-12
"""Keeps the ratio finite where a modality gives its true classes no probability at all."""


@torch.no_grad()
def true_class_scores(forward: Forward) -> Float[Tensor, "M"]:
    """s_m: summed over the batch, the probability that modality m's own logits give the true class. In float32."""
    stacked = torch.stack([logits.detach().float() for logits in forward.unimodal_logits.values()])
    labels = forward.labels.expand(len(stacked), -1).unsqueeze(2)
    return stacked.softmax(dim=2).gather(2, labels).sum(dim=(1, 2))


def discrepancy_ratio(scores: Float[Tensor, "M"]) -> Float[Tensor, "M"]:
    """rho_m: mean of the pairwise ratios s_m / s_j over the other modalities; 1 everywhere for a single modality.

    For more than two modalities this is the authors' own rule (Wei et al., On-the-fly Modulation, T-PAMI 2024).
    """
    others = len(scores) - 1
    if others == 0:
        return torch.ones_like(scores)
    safe = scores.clamp_min(SMALLEST_SCORE)
    ratios = safe.unsqueeze(1) / safe.unsqueeze(0)
    return (ratios.sum(dim=1) - 1) / others


def mean_entropy(logits: Float[Tensor, "M B C"]) -> Float[Tensor, "M"]:
    """Entropy of the softmax in nat, mean over the batch."""
    entropy: Tensor = torch.special.entr(logits.softmax(dim=2)).sum(dim=2)
    return entropy.mean(dim=1)
