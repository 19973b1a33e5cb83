"""The base of all fusions: from the features of the modalities to fused and unimodal logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.types import HeadPart

Features = Mapping[str, Tensor]
"""The features of each modality, {m: (B, D)}."""


class FusionError(ValueError):
    """A fusion not defined for these modalities, or without unimodal logits. One line."""


class Fusion(nn.Module, ABC):
    """A head that joins the features of all modalities."""

    @abstractmethod
    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        """Return the fused logits."""

    @abstractmethod
    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        """Return the logits of each modality by itself."""

    def parts(self) -> dict[str, tuple[HeadPart, ...]]:
        """Return the weights that read one modality's features alone, {m: parts}.

        Empty where no weights belong to one modality. Biases that the modalities share are left
        out.
        """
        return {}

    @property
    def output_layer(self) -> nn.Linear | None:
        """The one linear layer that gives the fused logits; None where there are several."""
        return None

    @property
    def weights_by_modality(self) -> dict[str, Float[Tensor, "C _"]] | None:
        """Return each modality's weights in the fused logits, {m: (C, D)}; None if not linear."""
        return None


def blocks_of(weight: Tensor, widths: Mapping[str, int]) -> dict[str, tuple[HeadPart, ...]]:
    """Return the columns of each modality in the weight of a linear layer on joined features."""
    parts: dict[str, tuple[HeadPart, ...]] = {}
    start = 0
    for modality, width in widths.items():
        parts[modality] = (HeadPart(weight, slice(start, start + width)),)
        start += width
    return parts


def parameters_of(
    modalities: Iterable[str], layers: Iterable[nn.Module]
) -> dict[str, tuple[HeadPart, ...]]:
    """Return all parameters of each modality's own layer."""
    pairs = zip(modalities, layers, strict=True)
    return {m: tuple(HeadPart(parameter) for parameter in layer.parameters()) for m, layer in pairs}


def linear_layer(inputs: int, outputs: int) -> nn.Linear:
    """Return a linear layer, Xavier weights and zero bias as in OGM-GE's code."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
