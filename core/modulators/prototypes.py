"""Prototypes: the mean feature of each class, by modality, and how likely they make each class of a sample."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

FAR = -1e9
"""Similarity to a class without a prototype."""


class Prototypes:
    """Of all modalities. A class keeps its old prototype where it has no samples, and has none until it had one."""

    def __init__(self) -> None:
        self.means: dict[str, Float[Tensor, "C D"]] = {}
        self.known: Bool[Tensor, "C"] = torch.zeros(0, dtype=torch.bool)

    def update(
        self,
        features: Mapping[str, Float[Tensor, "N D"]],
        labels: Int[Tensor, "N"],
        classes: int,
        momentum: float,
    ) -> None:
        """c_k <- (1 - momentum) * mean of the features of class k + momentum * c_k; a class seen first takes the mean."""
        counts = torch.bincount(labels, minlength=classes)
        seen = counts > 0
        known = self.known.to(seen.device) if self.means else torch.zeros_like(seen)
        for m, of_all in features.items():
            sums = torch.zeros(classes, of_all.shape[1], device=of_all.device).index_add_(
                0, labels, of_all.float()
            )
            new = sums / counts.clamp_min(1).unsqueeze(1)
            old = self.means[m].to(new.device) if m in self.means else new
            blended = torch.where(known.unsqueeze(1), (1 - momentum) * new + momentum * old, new)
            self.means[m] = torch.where(seen.unsqueeze(1), blended, old)
        self.known = known | seen

    def logits(self, modality: str, features: Float[Tensor, "B D"]) -> Float[Tensor, "B C"]:
        """Minus the Euclidean distances to the prototypes; their softmax is the prototypes' prediction."""
        means = self.means[modality].to(features.device)
        distances = torch.cdist(
            features.float(), means, compute_mode="donot_use_mm_for_euclid_dist"
        )
        return (-distances).masked_fill(~self.known.to(features.device), FAR)

    def loss(self, logits: Float[Tensor, "B C"], labels: Int[Tensor, "B"]) -> Tensor:
        """PCE: mean cross-entropy, in nat, of the samples whose class has a prototype; 0 where none has."""
        counted = self.known.to(labels.device)[labels]
        losses = functional.cross_entropy(logits, labels, reduction="none")
        return torch.where(
            counted, losses, torch.zeros_like(losses)
        ).sum() / counted.sum().clamp_min(1)

    def scores(self, logits: Float[Tensor, "B C"], labels: Int[Tensor, "B"]) -> Tensor:
        """Summed over the batch, the probability that the prototypes give the true class."""
        return logits.detach().softmax(dim=1).gather(1, labels.unsqueeze(1)).sum()


def entropy(logits: Float[Tensor, "B C"]) -> Tensor:
    """Mean entropy of the predictions, in nat."""
    logs = logits.log_softmax(dim=1)
    return -(logs.exp() * logs).sum(dim=1).mean()
