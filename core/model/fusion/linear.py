"""Fusions linear in the features: concat and sum, whose logits split exactly by modality.

The fused logits are the sum of the unimodal ones: those of modality m are the block of the head
that reads m, applied to its features, with an equal share of the bias (OGM-GE, CVPR 2022, eq. 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.model.fusion.base import Features, Fusion, blocks_of, linear_layer, parameters_of
from asgml.core.types import HeadPart


class Concat(Fusion):
    """Linear layers on joined features: (B, sum D) -> (B, hidden) -> (B, C); hidden 0 is one layer.

    There is no activation between the two layers (ASGML v2, section 7.2), so that they compose to
    one and the split stays exact: z_m = h_m (W2 W1[:, block m])^T + (W2 b1 + b2) / M.
    """

    def __init__(self, widths: Mapping[str, int], classes: int, hidden: int) -> None:
        super().__init__()
        total = sum(widths.values())
        self.widths = dict(widths)
        self.first = linear_layer(total, hidden) if hidden else None
        self.classifier = linear_layer(hidden or total, classes)

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        # In the order of the widths, whatever the order of `features`: blocks of weights go by it.
        joined = torch.cat([features[modality] for modality in self.widths], dim=1)
        return cast(Tensor, self.classifier(joined if self.first is None else self.first(joined)))

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        weight, bias = self._composed()
        return split_logits(features, self.widths, weight, bias)

    def parts(self) -> dict[str, tuple[HeadPart, ...]]:
        return blocks_of((self.first or self.classifier).weight, self.widths)

    @property
    def output_layer(self) -> nn.Linear | None:
        return self.classifier

    @property
    def weights_by_modality(self) -> dict[str, Float[Tensor, "C _"]]:
        blocks = torch.split(self._composed()[0], list(self.widths.values()), dim=1)
        return dict(zip(self.widths, blocks, strict=True))

    def _composed(self) -> tuple[Tensor, Tensor]:
        """Return the composition of the layers: weight (C, sum D) and bias (C,)."""
        weight, bias = self.classifier.weight, self.classifier.bias
        if self.first is None:
            return weight, bias
        return weight @ self.first.weight, weight @ self.first.bias + bias


class Sum(Fusion):
    """One linear layer per modality, added. The unimodal logits carry the whole bias of theirs."""

    def __init__(self, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        self.modalities = tuple(widths)
        self.classifiers = nn.ModuleList(linear_layer(width, classes) for width in widths.values())

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        return torch.stack(list(self.unimodal_logits(features).values())).sum(dim=0)

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        pairs = zip(self.modalities, self.classifiers, strict=True)
        return {modality: classifier(features[modality]) for modality, classifier in pairs}

    def parts(self) -> dict[str, tuple[HeadPart, ...]]:
        return parameters_of(self.modalities, self.classifiers)

    @property
    def weights_by_modality(self) -> dict[str, Float[Tensor, "C _"]]:
        layers = [cast(nn.Linear, layer) for layer in self.classifiers]
        return {m: layer.weight for m, layer in zip(self.modalities, layers, strict=True)}


def split_logits(
    features: Features,
    widths: Mapping[str, int],
    weight: Float[Tensor, "C _"],
    bias: Float[Tensor, "C"],
) -> dict[str, Float[Tensor, "B C"]]:
    """Return each modality's term of a linear layer on joined features, with a share of the bias.

    `weight` has one block of columns for each modality, in the order of `widths`, {m: D}.
    """
    blocks = torch.split(weight, list(widths.values()), dim=1)
    share = bias / len(widths)
    return {
        modality: features[modality] @ block.T + share
        for modality, block in zip(widths, blocks, strict=True)
    }
