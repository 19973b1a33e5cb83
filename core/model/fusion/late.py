"""Late fusion: each modality has a head of its own, and the logits of the heads are averaged.

    z_m = W_m h_m + b_m        z = sum_m w_m z_m,  sum_m w_m = 1

The unimodal logits are those of the heads, exactly. With equal weights this is the late fusion of
G2D's released code (Rakib and Bagavathi, ICCV 2025).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.model.fusion.base import Features, Fusion, linear_layer, parameters_of
from asgml.core.types import HeadPart


class LateMean(Fusion):
    """The mean of the heads' logits: w_m = 1 / M."""

    def __init__(self, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        self.modalities = tuple(widths)
        self.classifiers = nn.ModuleList(linear_layer(width, classes) for width in widths.values())

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        return torch.stack(list(self.unimodal_logits(features).values())).mean(dim=0)

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        pairs = zip(self.modalities, self.classifiers, strict=True)
        return {modality: classifier(features[modality]) for modality, classifier in pairs}

    def parts(self) -> dict[str, tuple[HeadPart, ...]]:
        return parameters_of(self.modalities, self.classifiers)


class LateWeighted(LateMean):
    """The mean of the heads' logits by learned weights: w = softmax(a), with a from 0."""

    def __init__(self, widths: Mapping[str, int], classes: int) -> None:
        super().__init__(widths, classes)
        self.scores = nn.Parameter(torch.zeros(len(widths)))

    @property
    def weights(self) -> Float[Tensor, "M"]:
        """The weights w_m, in the order of the modalities."""
        return self.scores.softmax(dim=0)

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        stacked = torch.stack(list(self.unimodal_logits(features).values()))
        return torch.einsum("m,mbc->bc", self.weights.to(stacked.dtype), stacked)
