"""The encoders and the head of an external training loop, as the model that methods work on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.balancer.errors import LoopError
from asgml.core.methods.spec import MethodError
from asgml.core.model.encoders.base import Encoder
from asgml.core.model.fusion.base import Features, Fusion, blocks_of
from asgml.core.model.fusion.linear import split_logits
from asgml.core.model.model import MultimodalModel
from asgml.core.types import HeadPart


class ExternalEncoder(Encoder):
    """Any module. Its kernels are its convolution kernels, or its matrices where it has none."""

    def __init__(self, network: nn.Module, features: int) -> None:
        super().__init__()
        self.network = network
        self.features = features
        # kernels of a 2-d convolution have 4 dimensions: (out, in, height, width)
        convolves = any(parameter.dim() == 4 for parameter in network.parameters())
        self.kernel_rule = "conv4d" if convolves else "ndim2"

    def forward(self, inputs: Tensor) -> Float[Tensor, "B D"]:
        return cast(Tensor, self.network(inputs))


class ExternalHead(Fusion):
    """A linear head on the features of all encoders, concatenated in their order."""

    def __init__(self, head: nn.Linear, widths: Mapping[str, int]) -> None:
        super().__init__()
        self.head = head
        self.widths = dict(widths)

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        return cast(Tensor, self.head(torch.cat([features[m] for m in self.widths], dim=1)))

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        weight = self.head.weight
        bias = weight.new_zeros(len(weight)) if self.head.bias is None else self.head.bias
        # features come widened to float32; a head in half precision takes its own type
        same_type = {m: feature.to(weight.dtype) for m, feature in features.items()}
        return split_logits(same_type, self.widths, weight, bias)

    def parts(self) -> dict[str, tuple[HeadPart, ...]]:
        return blocks_of(self.head.weight, self.widths)

    @property
    def output_layer(self) -> nn.Linear:
        return self.head

    @property
    def weights_by_modality(self) -> dict[str, Float[Tensor, "C _"]]:
        blocks = torch.split(self.head.weight, list(self.widths.values()), dim=1)
        return dict(zip(self.widths, blocks, strict=True))


class NoHead(Fusion):
    """No head is given: each step brings the unimodal logits, and no method may run the head."""

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        raise MethodError(
            "this method runs the head: give Balancer head=, the nn.Linear on the joined features"
        )

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        raise LoopError(
            "unimodal_logits is missing: give the unimodal logits of each modality (B, C), "
            "or Balancer head=, the nn.Linear on the features"
        )


def loop_model(
    encoders: Mapping[str, nn.Module],
    widths: Mapping[str, int] | None,
    head: nn.Linear | None,
    classes: int,
) -> MultimodalModel:
    """Return encoders and head as a model. Raise LoopError where their sizes do not fit."""
    given = {m: _encoder(m, network, widths) for m, network in encoders.items()}
    features = {m: encoder.features for m, encoder in given.items()}
    if head is None:
        return MultimodalModel(given, NoHead())
    expected = (sum(features.values()), classes)
    if (head.in_features, head.out_features) != expected:
        sizes = f"nn.Linear({head.in_features}, {head.out_features})"
        raise LoopError(
            f"head is {sizes}, expected nn.Linear{expected} on the joined features; "
            "else leave it out and give unimodal_logits"
        )
    return MultimodalModel(given, ExternalHead(head, features))


def _encoder(modality: str, network: nn.Module, widths: Mapping[str, int] | None) -> Encoder:
    if widths is not None and modality in widths:
        return ExternalEncoder(network, widths[modality])
    if isinstance(network, Encoder):
        return network
    raise LoopError(
        f"widths lacks {modality!r}: give the number of features of each encoder, "
        f"such as widths={{{modality!r}: 128}}"
    )
