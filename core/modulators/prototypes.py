"""Keep the mean feature of each class by modality, and predict classes by the distance to it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

FAR = -1e9
"""Logit of a class without a prototype."""


class Prototypes:
    """Prototypes of all modalities, `means`, and the classes that have one, `known`.

    A class keeps its old prototype where it has no samples, and has none until it had one.
    """

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
        """Move each prototype to momentum * old + (1 - momentum) * mean feature of its class.

        A class seen for the first time takes the mean.
        """
        counts = torch.bincount(labels, minlength=classes)
        seen = counts > 0
        known = self.known.to(seen.device) if self.means else torch.zeros_like(seen)
        for m, values in features.items():
            sums = torch.zeros(classes, values.shape[1], device=values.device)
            sums = sums.index_add_(0, labels, values.float())
            new = sums / counts.clamp_min(1).unsqueeze(1)
            old = self.means[m].to(new.device) if m in self.means else new
            blended = torch.where(known.unsqueeze(1), (1 - momentum) * new + momentum * old, new)
            self.means[m] = torch.where(seen.unsqueeze(1), blended, old)
        self.known = known | seen

    def logits(self, modality: str, features: Float[Tensor, "B D"]) -> Float[Tensor, "B C"]:
        """Return minus the Euclidean distances to the prototypes."""
        means = self.means[modality].to(features.device)
        # Without matrix products, which lose the digits of small distances.
        mode = "donot_use_mm_for_euclid_dist"
        distances = torch.cdist(features.float(), means, compute_mode=mode)
        return (-distances).masked_fill(~self.known.to(features.device), FAR)

    def loss(self, logits: Float[Tensor, "B C"], labels: Int[Tensor, "B"]) -> Tensor:
        """Return PCE, the mean cross-entropy in nat of the samples whose class has a prototype.

        0 where none has.
        """
        counted = self.known.to(labels.device)[labels]
        losses = functional.cross_entropy(logits, labels, reduction="none")
        total = torch.where(counted, losses, torch.zeros_like(losses)).sum()
        return total / counted.sum().clamp_min(1)

    def scores(self, logits: Float[Tensor, "B C"], labels: Int[Tensor, "B"]) -> Tensor:
        """Return the probability of the true class, summed over the batch."""
        return logits.detach().softmax(dim=1).gather(1, labels.unsqueeze(1)).sum()


def entropy(logits: Float[Tensor, "B C"]) -> Tensor:
    """Return the mean entropy of the predictions, in nat."""
    logs = logits.log_softmax(dim=1)
    return -(logs.exp() * logs).sum(dim=1).mean()
