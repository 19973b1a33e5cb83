"""A small Transformer encoder of sequences, such as words with their embeddings."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from asgml.core.model.encoders.base import Encoder, KernelRule, require_sequence

HEADS, LAYERS, DROPOUT = 4, 2, 0.1
SLOWEST = 10_000.0
"""The longest wavelength of the position encoding, over 2 pi, as in Vaswani et al."""


class Transformer(Encoder):
    """Two pre-norm layers with four heads on (B, T, F), averaged over time; D = 128.

    Vaswani et al., Attention Is All You Need, NeurIPS 2017, with layer norm before each block as in
    Xiong et al., ICML 2020. Every position is attended to, also those that pad a short sequence.
    """

    features = 128
    kernel_rule: KernelRule = "ndim2"

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        require_sequence("transformer", shape)
        self.enter = nn.Linear(shape[1], self.features)
        # Not persistent: the encoding follows from the shape, so a checkpoint need not hold it.
        self.register_buffer("positions", positions(shape[0], self.features), persistent=False)
        self.layers = nn.Sequential(*(Layer(self.features) for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(self.features)

    def forward(self, inputs: Float[Tensor, "B T F"]) -> Float[Tensor, "B D"]:
        embedded = self.enter(inputs) + self.get_buffer("positions")
        dropped = functional.dropout(embedded, DROPOUT, self.training)
        return torch.mean(self.norm(self.layers(dropped)), dim=1)


class Layer(nn.Module):
    """Multi-head attention, then two linear layers on each position, both with a residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        # `asked` projects to query, key and value, `answered` back, `steps` is the feed-forward
        # block. These names are keys of stored checkpoints.
        self.before_attention, self.before_steps = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked = nn.Linear(width, 3 * width)
        self.answered = nn.Linear(width, width)
        self.steps = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, inputs: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        attended = self.attend(self.before_attention(inputs))
        middle = inputs + functional.dropout(attended, DROPOUT, self.training)
        fed_forward = self.steps(self.before_steps(middle))
        return middle + functional.dropout(fed_forward, DROPOUT, self.training)

    def attend(self, inputs: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Return the output of multi-head attention."""
        projected = self.asked(inputs).unflatten(2, (3, HEADS, -1))
        # each (B, heads, T, D / heads)
        query, key, value = projected.permute(2, 0, 3, 1, 4).unbind()
        heads = functional.scaled_dot_product_attention(query, key, value)
        output: Tensor = self.answered(heads.transpose(1, 2).flatten(2))
        return output


def positions(steps: int, width: int) -> Float[Tensor, "T D"]:
    """Return sines and cosines of each position, from fast to slow, in alternating columns."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(SLOWEST) / width))
    angles = torch.arange(steps).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
