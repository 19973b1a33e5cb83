"""DGL: train encoders by their unimodal losses alone, and the fusion by the joint loss alone.

Wei, Luo, Luo: Boosting Multimodal Learning via Disentangled Gradient Learning, ICCV 2025. Formula:
DGL in core/methods/joint_losses.py. Any number of modalities.

The joint logits come from detached features, so the joint loss reaches the fusion's parameters
alone. The released script back-propagates the unimodal losses first and then clears what they left
in the fusion; here they pass through detached parameters, which gives the same gradients in one
backward pass. Auxiliary heads (fusion.alone=heads) are no part of the fusion: their losses train
them. With film and gated the released script detaches behind the first layers of the fusion, which
then stay as they were drawn; here every layer of a fusion is trained by the joint loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from torch import Tensor, nn
from torch.func import functional_call

from asgml.core.measures.task import sum_of_unimodal_losses
from asgml.core.model.fusion.base import Fusion
from asgml.core.model.fusion.unimodal import AuxiliaryHeads
from asgml.core.modulators.base import Features, Modulator
from asgml.core.modulators.context import MethodContext
from asgml.core.types import Forward, Scalar


class Dgl(Modulator):
    """Detaches the joint logits' features, and adds the unimodal losses of the encoders."""

    def attach(self, context: MethodContext) -> None:
        self.unimodal = UnimodalLogits(context.model.fusion)

    def joint_features(self, features: Features) -> Features:
        return {m: feature.detach() for m, feature in features.items()}

    def loss(self, forward: Forward) -> Scalar:
        through_fixed = replace(forward, unimodal_logits=self.unimodal.of(forward.features))
        return self.number("alpha") * sum_of_unimodal_losses(through_fixed)


class UnimodalLogits(nn.Module):
    """The unimodal logits of a fusion, as a module, for functional_call."""

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.fusion = fusion
        own = list(fusion.heads.parameters()) if isinstance(fusion, AuxiliaryHeads) else []
        self.trained = {id(parameter) for parameter in own}

    def forward(self, features: Features) -> dict[str, Tensor]:
        return self.fusion.unimodal_logits(features)

    def of(self, features: Features) -> Mapping[str, Tensor]:
        """Return the logits, {m: (B, C)}, whose gradient reaches no parameter of the fusion."""
        fixed = {
            name: parameter.detach()
            for name, parameter in self.named_parameters()
            if id(parameter) not in self.trained
        }
        return cast(Mapping[str, Tensor], functional_call(self, fixed, (features,)))
