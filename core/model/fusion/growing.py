"""Heads that can grow: each modality adds up the logits of its layers, and may get more of them.

    z_m = sum over the layers l of m that are awake of W relu(V_ml h_m + c_ml) + b

W and b are shared by all layers of all modalities; the fused logits are the mean of z_m. A head
begins with one layer. The others lie ready, asleep: they take no part and get no gradient, so a
checkpoint, an optimizer and the best model have the same tensors however far a head has grown.

Source: AUG (NeurIPS 2025), released code; its fused logits weigh audio 0.4 and video 0.6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from asgml.core.model.fusion.base import Features, Fusion, linear_layer, parameters_of
from asgml.core.types import HeadPart

WIDTH = 256
"""Width between the two linear layers, as published."""
MOST_LAYERS = 12
"""Layers of a head that has grown to its end: enough for the published schedule."""


class Growing(Fusion):
    """A head for each modality, of layers (D -> width -> C) whose last one is shared."""

    awake: Tensor

    def __init__(self, widths: Mapping[str, int], classes: int, width: int = WIDTH) -> None:
        super().__init__()
        self.modalities = tuple(widths)
        self.layers = nn.ModuleList(
            nn.ModuleList(linear_layer(features, width) for _ in range(MOST_LAYERS))
            for features in widths.values()
        )
        self.classifier = linear_layer(width, classes)
        self.register_buffer("awake", torch.ones(len(widths), dtype=torch.int64))
        # the same on the host: reading the buffer would wait for the device in each step
        self._sizes = [1] * len(widths)

    def fuse(self, features: Features) -> Float[Tensor, "B C"]:
        return torch.stack(list(self.unimodal_logits(features).values())).mean(dim=0)

    def unimodal_logits(self, features: Features) -> dict[str, Float[Tensor, "B C"]]:
        return {m: self.layer_logits(m, features[m]).sum(dim=0) for m in self.modalities}

    def parts(self) -> dict[str, tuple[HeadPart, ...]]:
        """Return V_ml and c_ml of each modality, of its layers asleep too; W and b are shared."""
        return parameters_of(self.modalities, self.layers)

    def layer_logits(
        self, modality: str, feature: Float[Tensor, "B D"], fixed: bool = False
    ) -> Float[Tensor, "L B C"]:
        """Return the logits of each layer of a modality's head, the newest one last.

        With `fixed` no gradient reaches V and c of a layer but the first.
        """
        place = self.modalities.index(modality)
        layers = list(self.layers[place])[: self._sizes[place]]  # type: ignore[call-overload]
        hidden = [layers[0](feature)]
        for layer in layers[1:]:
            weight, bias = layer.weight, layer.bias
            if fixed:
                weight, bias = weight.detach(), bias.detach()
            hidden.append(functional.linear(feature, weight, bias))
        return torch.stack([self.classifier(each.relu()) for each in hidden])

    def size(self, modality: str) -> int:
        """Return the number of layers of a modality's head."""
        return self._sizes[self.modalities.index(modality)]

    def grow(self, modality: str) -> bool:
        """Give a modality's head one more layer; return False where it has all of them."""
        place = self.modalities.index(modality)
        if self._sizes[place] == MOST_LAYERS:
            return False
        self._sizes[place] += 1
        self.awake[place] += 1
        return True

    def _load_from_state_dict(self, *given: Any) -> None:
        super()._load_from_state_dict(*given)
        self._sizes = self.awake.tolist()
