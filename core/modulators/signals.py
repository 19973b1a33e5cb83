"""Measure without probes how far each modality has come, for the boost. Larger is stronger.

    discrepancy  s_m / B                     mean true-class probability of z_m, in [0, 1]
    loss         exp(-CE(z_m, y))            its geometric mean, in (0, 1]
    grad_norm    |g_m| / sum_j |g_j|         encoder m's share of the gradient, in [0, 1]

All are of one batch; the boost smooths them as it smooths probe accuracies. A gradient's norm also
depends on the size of its encoder, so `grad_norm` compares encoders of one kind. Source: ASGML v2,
section 10, question 3.
"""

from __future__ import annotations

import torch
from torch.nn import functional

from asgml.core.measures.unimodal import SMALLEST_SCORE, true_class_scores
from asgml.core.types import Backward


@torch.no_grad()
def batch_signal(kind: str, backward: Backward) -> dict[str, float]:
    """Return the signal of a step, {modality: value in [0, 1]}; one copy from the device."""
    forward = backward.forward
    match kind:
        case "discrepancy":
            values = true_class_scores(forward) / max(1, len(forward.labels))
        case "loss":
            logits = forward.unimodal_logits.values()
            losses = [functional.cross_entropy(z.float(), forward.labels) for z in logits]
            values = (-torch.stack(losses)).exp()
        case "grad_norm":
            norms = torch.stack([backward.norms[m] for m in forward.unimodal_logits])
            values = norms / norms.sum().clamp_min(SMALLEST_SCORE)
        case _:
            raise ValueError(f"signal {kind!r}: expected discrepancy, loss or grad_norm")
    return dict(zip(forward.unimodal_logits, values.tolist(), strict=True))


class Average:
    """A moving average from 0 for each modality, and the count of values that it has taken."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.count = 0

    def take(self, newest: dict[str, float], weight: float) -> None:
        """Set u <- weight * newest + (1 - weight) * u."""
        self.values = {
            m: weight * value + (1 - weight) * self.values.get(m, 0.0)
            for m, value in newest.items()
        }
        self.count += 1


def correction(count: int, weight: float) -> float:
    """Return 1 / (1 - (1 - e)^n), which undoes a start from 0 after n values, as in Adam."""
    return 1 / (1 - (1 - weight) ** count)
