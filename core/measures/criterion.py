"""The cross-entropy of a training: label smoothing, class weights, and mixed samples.

    l(z, y)  = (1 - eps) * w_y * -log p_y + eps / C * sum_c w_c * -log p_c,    p = softmax(z)
    L        = sum over samples of l / sum over samples of w_y

This is torch's cross_entropy. A mixed sample counts as two, one for each of its classes, and both l
and w_y are multiplied by its share: without weights L is the mean of share * l, as published for
mixup. A method may multiply the part of each class by a factor of its own (factored_loss).
Evaluations, and what methods read of class scores, are plain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from asgml.core.types import Batch, Criterion, Mix


class LossError(ValueError):
    """Settings of the loss that do not fit the data. The message is one line."""


def make_criterion(
    label_smoothing: float,
    class_weights: Literal["none", "balanced"] | Sequence[float],
    labels: Int[Tensor, "N"],
    classes: int,
    device: torch.device,
) -> Criterion:
    """Return the criterion for a training split with these labels.

    Raise LossError where a list of weights has not one for each class.
    """
    if class_weights == "none":
        return Criterion(label_smoothing)
    if class_weights == "balanced":
        weights = balanced_weights(labels, classes)
    else:
        weights = torch.tensor(class_weights, dtype=torch.float32)
    if len(weights) != classes:
        raise LossError(
            f"loss.class_weights has {len(weights)} numbers, and the data has {classes} classes; "
            "give one for each, or balanced"
        )
    return Criterion(label_smoothing, weights.to(device))


def balanced_weights(labels: Int[Tensor, "N"], classes: int) -> Float[Tensor, "C"]:
    """Return N / (C * n_c), so that a sample's mean weight is 1; 0 for an absent class."""
    counts = torch.bincount(labels.cpu(), minlength=classes)
    weights = len(labels) / (classes * counts.clamp_min(1))
    return torch.where(counts > 0, weights, torch.zeros_like(weights)).float()


def criterion_loss(
    criterion: Criterion, mix: Mix | None, logits: Float[Tensor, "B C"], labels: Int[Tensor, "B"]
) -> Tensor:
    """Return L of a batch of training. Raise ValueError where a method dropped mixed samples."""
    if mix is None:
        return functional.cross_entropy(
            logits, labels, criterion.class_weights, label_smoothing=criterion.label_smoothing
        )
    if len(mix.labels) != len(labels):
        raise ValueError("a method that drops samples cannot train on mixed ones; use mixup=0")
    larger, smaller = (_summed(criterion, logits, classes) for classes in (labels, mix.labels))
    total = (1 - mix.share) * larger + mix.share * smaller
    return total / mass(criterion, labels, mix)


def factored_loss(
    criterion: Criterion,
    log_p: Float[Tensor, "B C"],
    labels: Int[Tensor, "B"],
    factors: Float[Tensor, "B C"],
) -> Tensor:
    """Return L of unmixed samples, the part of each class multiplied by a factor r_c.

    l(z, y) = (1 - eps) * w_y * r_y * -log p_y + eps / C * sum_c w_c * r_c * -log p_c
    """
    smoothing, weights = criterion.label_smoothing, criterion.class_weights
    parts = -factors * log_p
    if weights is not None:
        parts = weights * parts
    losses = parts.gather(1, labels.unsqueeze(1)).squeeze(1)
    if smoothing:
        losses = (1 - smoothing) * losses + smoothing * parts.mean(dim=1)
    return losses.mean() if weights is None else losses.sum() / mass(criterion, labels, None)


def _summed(criterion: Criterion, logits: Tensor, labels: Tensor) -> Tensor:
    return functional.cross_entropy(
        logits,
        labels,
        criterion.class_weights,
        reduction="sum",
        label_smoothing=criterion.label_smoothing,
    )


def mass(criterion: Criterion, labels: Int[Tensor, "B"], mix: Mix | None) -> Tensor | float:
    """Return what L divides by: the sum of the samples' weights, without weights their number."""
    weights = criterion.class_weights
    if weights is None:
        return float(len(labels))
    own = weights[labels].sum()
    return own if mix is None else (1 - mix.share) * own + mix.share * weights[mix.labels].sum()


def mass_of(batch: Batch) -> Tensor | float:
    """Return the mass of all samples of a batch."""
    return mass(batch.criterion, batch.labels, batch.mix)
