"""A head that all modalities share: one linear layer, applied to the features of each.

The fused logits are a weighted mean of the unimodal ones: in training with equal weights, in
evaluation with more weight for the modality that is surer of the sample,

    lambda_m = exp(max_j e_j - e_m) / sum_k exp(max_j e_j - e_k)      e_m: entropy of softmax(z_m)

Source: MLA (Zhang et al., CVPR 2024), section 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.model.fusion.base import Features, Fusion, FusionError, linear_layer


class Shared(Fusion):
    """One linear layer (D -> C) for every modality, whose features all have the width D."""

    def __init__(self, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        self.modalities = tuple(widths)
        self.classifier = linear_layer(_one_width(widths), classes)

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        logits = torch.stack(list(self.unimodal_logits(features).values()))
        if self.training:
            return logits.mean(dim=0)
        return (certainty_weights(logits).unsqueeze(2) * logits).sum(dim=0)

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        return {m: cast(Tensor, self.classifier(features[m])) for m in self.modalities}

    @property
    def output_layer(self) -> nn.Linear:
        return self.classifier


def certainty_weights(unimodal_logits: Float[Tensor, "M B C"]) -> Float[Tensor, "M B"]:
    """Return lambda_m of each sample; they sum to 1 over the modalities."""
    entropy: Tensor = torch.special.entr(unimodal_logits.softmax(dim=2)).sum(dim=2)
    # the largest entropy cancels: lambda_m is the softmax of -e_m
    return (-entropy).softmax(dim=0)


def _one_width(widths: Mapping[str, int]) -> int:
    if len(set(widths.values())) > 1:
        listed = ", ".join(f"{m} {width}" for m, width in widths.items())
        raise FusionError(
            f"fusion.kind=shared applies one layer to the features of every modality, which have "
            f"different widths here: {listed}; give them encoders of one width, "
            "such as encoder.default=mlp; or, without mla, another fusion.kind"
        )
    return next(iter(widths.values()))
