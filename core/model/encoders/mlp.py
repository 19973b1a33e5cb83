"""The encoder of vectors, and of anything flattened: a small MLP."""

from __future__ import annotations

import math
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.model.encoders.base import Encoder, KernelRule, initialise


class Mlp(Encoder):
    """Two linear layers with ReLU on the flattened input; D = 128."""

    features = 128
    kernel_rule: KernelRule = "ndim2"

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        width = math.prod(shape)
        self.network = nn.Sequential(
            nn.Flatten(), nn.Linear(width, 256), nn.ReLU(), nn.Linear(256, self.features), nn.ReLU()
        )
        self.network.apply(initialise)

    def forward(self, inputs: Float[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        return cast(Tensor, self.network(inputs))
