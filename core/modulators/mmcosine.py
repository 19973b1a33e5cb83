"""MMCosine: predict by angles, so that a modality with long features does not outgrow another.

Xu, Feng, Zhang, Hu: MMCosine: Multi-Modal Cosine Loss Towards Balanced Audio-Visual Fine-Grained
Learning, ICASSP 2023. Formula: MMCOSINE in core/methods/joint_losses.py. Any number of modalities.

The loss of the cosines takes the place of the joint one; with a hidden layer the weights are those
of both layers together, between which there is no activation. As in the released script on CREMA-D,
evaluations go by the plain logits of the same weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from asgml.core.measures.task import loss_of
from asgml.core.modulators.base import Modulator
from asgml.core.modulators.context import MethodContext
from asgml.core.types import Forward, Scalar


class MMCosine(Modulator):
    """Replaces the joint loss by that of the cosine logits."""

    def attach(self, context: MethodContext) -> None:
        assert context.model.fusion.weights_by_modality is not None  # refused before for others
        self.fusion = context.model.fusion

    def loss(self, forward: Forward) -> Scalar:
        """Return the loss of the cosines less the task's, which the trainer adds with weight 1."""
        weights = self.fusion.weights_by_modality
        assert weights is not None
        logits = self.number("scaling") * cosine_logits(forward.features, weights)
        return loss_of(forward, logits) - loss_of(forward, forward.logits)


def cosine_logits(
    features: Mapping[str, Float[Tensor, "B D"]], weights: Mapping[str, Float[Tensor, "C D"]]
) -> Float[Tensor, "B C"]:
    """Return the sum over the modalities of cos(h_m, W_m,k); 0 for features of length 0."""
    terms = [
        functional.normalize(features[m], dim=1) @ functional.normalize(weight, dim=1).T
        for m, weight in weights.items()
    ]
    return torch.stack(terms).sum(dim=0)
