"""Fusion: from the modalities' features to logits, and to each modality's own logits inside the joint model.

Every fusion here is linear in the features, so the fused logits are exactly the sum of the modalities' own: the part
of the head that reads modality m, applied to its features, with an equal share of the bias (OGM-GE, CVPR 2022, eq. 6).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

Features = Mapping[str, Tensor]


class Fusion(nn.Module, ABC):
    """What joins the features {m: (B, D)}."""

    @abstractmethod
    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        """The fused logits."""

    @abstractmethod
    def alone(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        """The logits of each modality by itself."""

    @property
    def output_layer(self) -> nn.Linear | None:
        """The one linear layer that the fused logits come out of; None where there are several."""
        return None


class Concat(Fusion):
    """Linear layers on the joined features: (B, sum D) -> (B, hidden) -> (B, C), or straight to (B, C) where hidden is 0.

    There is no activation between the two layers (ASGML v2, section 7.2), so the split stays exact by composing them:
    z_m = h_m (W2 W1[:, block m])^T + (W2 b1 + b2) / M.
    """

    def __init__(self, widths: Mapping[str, int], classes: int, hidden: int) -> None:
        super().__init__()
        total = sum(widths.values())
        self.widths = dict(widths)
        self.first = _linear(total, hidden) if hidden else None
        self.classifier = _linear(hidden or total, classes)

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        joined = torch.cat([features[modality] for modality in self.widths], dim=1)
        return cast(Tensor, self.classifier(joined if self.first is None else self.first(joined)))

    def alone(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        weight, bias = self._composed()
        blocks = torch.split(weight, list(self.widths.values()), dim=1)
        share = bias / len(self.widths)
        return {modality: features[modality] @ block.T + share for modality, block in zip(self.widths, blocks, strict=True)}

    @property
    def output_layer(self) -> nn.Linear | None:
        return self.classifier

    def _composed(self) -> tuple[Tensor, Tensor]:
        """The one linear layer that the stacked ones amount to: weight (C, sum D) and bias (C,)."""
        weight, bias = self.classifier.weight, self.classifier.bias
        if self.first is None:
            return weight, bias
        return weight @ self.first.weight, weight @ self.first.bias + bias


class Sum(Fusion):
    """One linear layer per modality, added. Each modality's own logits carry its own whole bias."""

    def __init__(self, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        self.modalities = tuple(widths)
        self.classifiers = nn.ModuleList(_linear(width, classes) for width in widths.values())

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        return torch.stack(list(self.alone(features).values())).sum(dim=0)

    def alone(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        pairs = zip(self.modalities, self.classifiers, strict=True)
        return {modality: classifier(features[modality]) for modality, classifier in pairs}


class WithHeads(Fusion):
    """Another fusion whose modalities get their own logits from auxiliary heads, trained by the unimodal losses."""

    def __init__(self, fusion: Fusion, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        self.fusion = fusion
        self.modalities = tuple(widths)
        self.heads = nn.ModuleList(_linear(width, classes) for width in widths.values())

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        return self.fusion.fuse(features)

    def alone(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        return {modality: head(features[modality]) for modality, head in zip(self.modalities, self.heads, strict=True)}

    @property
    def output_layer(self) -> nn.Linear | None:
        return self.fusion.output_layer


def make_fusion(kind: str, hidden: int, alone: str, widths: Mapping[str, int], classes: int) -> Fusion:
    """The fusion that a configuration names; `widths` is {modality: D}."""
    fusion: Fusion = Concat(widths, classes, hidden) if kind == "concat" else Sum(widths, classes)
    return WithHeads(fusion, widths, classes) if alone == "heads" else fusion


def _linear(width: int, classes: int) -> nn.Linear:
    layer = nn.Linear(width, classes)
    nn.init.xavier_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
