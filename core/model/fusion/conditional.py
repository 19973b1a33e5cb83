"""Fusions in which the first modality conditions the second: FiLM and gating, for two modalities.

Neither is linear in the features, so no exact split into unimodal logits exists.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.model.fusion.base import Features, Fusion, FusionError, linear_layer


class Film(Fusion):
    """The first modality scales and shifts each feature of the second.

    z = W (gamma(h_1) * h_2 + beta(h_1)) + b, with gamma and beta the halves of one linear layer.
    Source: Perez et al., FiLM, AAAI 2018.
    """

    def __init__(self, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        self.first, self.second = _two_modalities(widths, "film")
        width = widths[self.second]
        self.condition = linear_layer(widths[self.first], 2 * width)
        self.classifier = linear_layer(width, classes)

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        gamma, beta = self.condition(features[self.first]).chunk(2, dim=1)
        return cast(Tensor, self.classifier(gamma * features[self.second] + beta))

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        _refuse_split("film")

    @property
    def output_layer(self) -> nn.Linear:
        return self.classifier


class Gated(Fusion):
    """The first modality gates the features of the second: z = W (sigmoid(W_1 h_1) * W_2 h_2) + b.

    Source: Kiela et al., Efficient Large-Scale Multi-Modal Classification, AAAI 2018.
    """

    def __init__(self, widths: Mapping[str, int], classes: int, width: int = 512) -> None:
        super().__init__()
        self.first, self.second = _two_modalities(widths, "gated")
        self.gate = linear_layer(widths[self.first], width)
        self.value = linear_layer(widths[self.second], width)
        self.classifier = linear_layer(width, classes)

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        gate = torch.sigmoid(self.gate(features[self.first]))
        value = self.value(features[self.second])
        return cast(Tensor, self.classifier(gate * value))

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        _refuse_split("gated")

    @property
    def output_layer(self) -> nn.Linear:
        return self.classifier


def _two_modalities(widths: Mapping[str, int], kind: str) -> tuple[str, str]:
    if len(widths) != 2:
        raise FusionError(
            f"fusion.kind={kind} joins two modalities, the data has {len(widths)}: "
            f"{', '.join(widths)}; use concat or sum"
        )
    first, second = widths
    return first, second


def _refuse_split(kind: str) -> NoReturn:
    raise FusionError(f"{kind} has no exact split: set fusion.alone=ablation or fusion.alone=heads")
