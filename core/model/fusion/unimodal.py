"""Unimodal logits for any fusion: from auxiliary heads, or by zero-ablation of the others."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.model.fusion.base import Features, Fusion, linear_layer, parameters_of
from asgml.core.types import HeadPart


class AuxiliaryHeads(Fusion):
    """A fusion beside one linear head per modality, which the unimodal losses train."""

    def __init__(self, fusion: Fusion, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        self.fusion = fusion
        self.modalities = tuple(widths)
        self.heads = nn.ModuleList(linear_layer(width, classes) for width in widths.values())

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        return self.fusion.fuse(features)

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        pairs = zip(self.modalities, self.heads, strict=True)
        return {modality: head(features[modality]) for modality, head in pairs}

    def parts(self) -> dict[str, tuple[HeadPart, ...]]:
        fused, own = self.fusion.parts(), parameters_of(self.modalities, self.heads)
        return {m: (*fused.get(m, ()), *own[m]) for m in self.modalities}

    @property
    def output_layer(self) -> nn.Linear | None:
        return self.fusion.output_layer

    @property
    def weights_by_modality(self) -> dict[str, Float[Tensor, "C _"]] | None:
        return self.fusion.weights_by_modality


class ZeroAblation(Fusion):
    """A fusion whose unimodal logits are those fused with the other modalities' features zero."""

    def __init__(self, fusion: Fusion) -> None:
        super().__init__()
        self.fusion = fusion

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        return self.fusion.fuse(features)

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        zeros = {modality: torch.zeros_like(feature) for modality, feature in features.items()}
        return {
            modality: self.fusion.fuse({**zeros, modality: feature})
            for modality, feature in features.items()
        }

    def parts(self) -> dict[str, tuple[HeadPart, ...]]:
        return self.fusion.parts()

    @property
    def output_layer(self) -> nn.Linear | None:
        return self.fusion.output_layer

    @property
    def weights_by_modality(self) -> dict[str, Float[Tensor, "C _"]] | None:
        return self.fusion.weights_by_modality
