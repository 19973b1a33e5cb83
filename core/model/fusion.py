"""Fusion: from the modalities' features to logits, and to each modality's own logits inside the joint model.

Concat and Sum are linear in the features, so their fused logits are exactly the sum of the modalities' own: the part of
the head that reads modality m, applied to its features, with an equal share of the bias (OGM-GE, CVPR 2022, eq. 6).
FiLM and Gated are not; a modality's own logits there come from zero-ablation or from auxiliary heads.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

Features = Mapping[str, Tensor]


class FusionError(ValueError):
    """A fusion that has no meaning for these modalities, or no logits of their own to give. One line for a person."""


class Fusion(nn.Module, ABC):
    """What joins the features {m: (B, D)}."""

    @abstractmethod
    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        """The fused logits."""

    @abstractmethod
    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
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

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        weight, bias = self._composed()
        return split_logits(features, self.widths, weight, bias)

    @property
    def output_layer(self) -> nn.Linear | None:
        return self.classifier

    def _composed(self) -> tuple[Tensor, Tensor]:
        """The one linear layer that the stacked ones amount to: weight (C, sum D) and bias (C,)."""
        weight, bias = self.classifier.weight, self.classifier.bias
        if self.first is None:
            return weight, bias
        return weight @ self.first.weight, weight @ self.first.bias + bias


def split_logits(
    features: Features,
    widths: Mapping[str, int],
    weight: Float[Tensor, "C _"],
    bias: Float[Tensor, "C"],
) -> dict[str, Float[Tensor, "B C"]]:
    """Each modality's part of one linear layer on the joined features, with an equal share of the bias."""
    blocks = torch.split(weight, list(widths.values()), dim=1)
    share = bias / len(widths)
    return {
        modality: features[modality] @ block.T + share
        for modality, block in zip(widths, blocks, strict=True)
    }


class Sum(Fusion):
    """One linear layer per modality, added. Each modality's own logits carry its own whole bias."""

    def __init__(self, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        self.modalities = tuple(widths)
        self.classifiers = nn.ModuleList(_linear(width, classes) for width in widths.values())

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        return torch.stack(list(self.unimodal_logits(features).values())).sum(dim=0)

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
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

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        return {
            modality: head(features[modality])
            for modality, head in zip(self.modalities, self.heads, strict=True)
        }

    @property
    def output_layer(self) -> nn.Linear | None:
        return self.fusion.output_layer


class Film(Fusion):
    """The first modality scales and shifts the second, feature by feature (Perez et al., FiLM, AAAI 2018): two modalities.

    z = W (gamma(h_1) * h_2 + beta(h_1)) + b, with gamma and beta the halves of one linear layer.
    """

    def __init__(self, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        self.first, self.second = _two(widths, "film")
        width = widths[self.second]
        self.condition = _linear(widths[self.first], 2 * width)
        self.classifier = _linear(width, classes)

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        gamma, beta = self.condition(features[self.first]).chunk(2, dim=1)
        return cast(Tensor, self.classifier(gamma * features[self.second] + beta))

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        raise FusionError(
            "film has no exact split: set fusion.alone=ablation or fusion.alone=heads"
        )

    @property
    def output_layer(self) -> nn.Linear:
        return self.classifier


class Gated(Fusion):
    """The first modality opens and closes the second (Kiela et al., AAAI 2018): two modalities.

    z = W (sigmoid(W_1 h_1) * W_2 h_2) + b.
    """

    def __init__(self, widths: Mapping[str, int], classes: int, width: int = 512) -> None:
        super().__init__()
        self.first, self.second = _two(widths, "gated")
        self.gate = _linear(widths[self.first], width)
        self.value = _linear(widths[self.second], width)
        self.classifier = _linear(width, classes)

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        gate, value = (
            torch.sigmoid(self.gate(features[self.first])),
            self.value(features[self.second]),
        )
        return cast(Tensor, self.classifier(gate * value))

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        raise FusionError(
            "gated has no exact split: set fusion.alone=ablation or fusion.alone=heads"
        )

    @property
    def output_layer(self) -> nn.Linear:
        return self.classifier


class Ablated(Fusion):
    """Another fusion whose modalities get their own logits by zero-ablation: fused with the other modalities' features zero."""

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

    @property
    def output_layer(self) -> nn.Linear | None:
        return self.fusion.output_layer


def make_fusion(
    kind: str, hidden: int, alone: str, widths: Mapping[str, int], classes: int
) -> Fusion:
    """The fusion that a configuration names; `widths` is {modality: D}. Raises FusionError where it has no meaning."""
    fusion = _make(kind, hidden, widths, classes)
    if alone == "heads":
        return WithHeads(fusion, widths, classes)
    if alone == "ablation":
        return Ablated(fusion)
    if kind in NOT_LINEAR:
        raise FusionError(
            f"fusion.kind={kind} with fusion.alone=split: it is not linear, so no exact split exists; set fusion.alone=ablation or heads"
        )
    return fusion


NOT_LINEAR = ("film", "gated")


def _make(kind: str, hidden: int, widths: Mapping[str, int], classes: int) -> Fusion:
    match kind:
        case "sum":
            return Sum(widths, classes)
        case "film":
            return Film(widths, classes)
        case "gated":
            return Gated(widths, classes)
    return Concat(widths, classes, hidden)


def _two(widths: Mapping[str, int], kind: str) -> tuple[str, str]:
    if len(widths) != 2:
        raise FusionError(
            f"fusion.kind={kind} joins two modalities, the data has {len(widths)}: {', '.join(widths)}; use concat or sum"
        )
    first, second = widths
    return first, second


def _linear(width: int, classes: int) -> nn.Linear:
    layer = nn.Linear(width, classes)
    nn.init.xavier_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
