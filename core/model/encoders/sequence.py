"""The recurrent encoder of sequences: a bidirectional GRU."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.model.encoders.base import Encoder, KernelRule, require_sequence


class Sequence(Encoder):
    """A bidirectional GRU over a sequence (B, T, F), averaged over time; D = 128."""

    features = 128
    kernel_rule: KernelRule = "ndim2"

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        require_sequence("sequence", shape)
        # Both directions are concatenated, hence half of D each.
        self.network = nn.GRU(shape[1], self.features // 2, batch_first=True, bidirectional=True)

    def forward(self, inputs: Float[Tensor, "B T F"]) -> Float[Tensor, "B D"]:
        outputs, _ = self.network(inputs)
        return torch.mean(outputs, dim=1)
