"""The unimodal losses: train each modality's unimodal logits beside the fused ones.

Formula: UNIFORM in core/methods/losses.py, in nat; in a regression every CE is the absolute error.
With gamma 1 this is the "uniform" baseline of MMPareto (Wei and Hu, ICML 2024) and the loss behind
the numbers of the ASGML v2 document; with gamma 0, the default of `loss.gamma`, nothing is added.
Any number of modalities.
"""

from __future__ import annotations

from asgml.core.measures.task import loss_of
from asgml.core.modulators.base import Modulator
from asgml.core.types import Forward, Scalar


class UnimodalLoss(Modulator):
    """The unimodal losses, added with weight gamma."""

    def loss(self, forward: Forward) -> Scalar:
        return unimodal_loss(forward, self.number("gamma"))


def unimodal_loss(forward: Forward, gamma: float) -> Scalar:
    """Return gamma times the unimodal losses; the number 0, without a graph, for gamma 0."""
    if gamma == 0:
        return 0.0
    losses = [loss_of(forward, logits) for logits in forward.unimodal_logits.values()]
    return gamma * sum(losses[1:], start=losses[0])
