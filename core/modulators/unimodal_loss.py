"""The unimodal losses: gamma times the sum of the cross-entropies of each modality's own logits.

    L = L_task + gamma * sum_m CE(z_m, y)          in nat

With gamma 1 this is the "uniform" baseline of MMPareto (Wei and Hu, ICML 2024) and the loss behind the numbers of the
ASGML v2 document; with gamma 0, the default of `loss.gamma`, nothing is added. Any number of modalities. In a regression every
CE is the absolute error.
"""

from __future__ import annotations

from asgml.core.measures.task import loss_of
from asgml.core.modulators.base import Modulator
from asgml.core.types import Forward, Scalar


class UnimodalLoss(Modulator):
    """Trains every modality's own logits beside the fused ones."""

    def loss(self, forward: Forward) -> Scalar:
        return unimodal_loss(forward, self.number("gamma"))


def unimodal_loss(forward: Forward, gamma: float) -> Scalar:
    """gamma * sum_m of the task's loss of z_m; the number 0, without a graph, for gamma 0."""
    if gamma == 0:
        return 0.0
    own = [loss_of(forward, logits) for logits in forward.unimodal_logits.values()]
    return gamma * sum(own[1:], start=own[0])
