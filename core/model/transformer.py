"""A small Transformer over a sequence of features, for modalities such as words with their embeddings."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from asgml.core.model.encoder import Encoder, EncoderError, KernelRule

HEADS, LAYERS, DROPOUT = 4, 2, 0.1
SLOWEST = 10_000.0  # of the waves that tell positions, after Vaswani et al.


class Transformer(Encoder):
    """Two layers with four heads on (B, T, F), normalised before each part, averaged over time; D = 128.

    Vaswani et al., Attention Is All You Need, NeurIPS 2017, with the layer norms of Xiong et al., ICML 2020. Every step is attended
    to, also those that pad a short sequence.
    """

    features = 128
    kernel_rule: KernelRule = "ndim2"

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        if len(shape) != 2:
            raise EncoderError(
                f"encoder transformer takes (T, F) inputs, this modality has shape {shape}; use conv or mlp"
            )
        self.enter = nn.Linear(shape[1], self.features)
        self.register_buffer("positions", positions(shape[0], self.features), persistent=False)
        self.layers = nn.Sequential(*(Layer(self.features) for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(self.features)

    def forward(self, inputs: Float[Tensor, "B T F"]) -> Float[Tensor, "B D"]:
        entered = functional.dropout(
            self.enter(inputs) + self.get_buffer("positions"), DROPOUT, self.training
        )
        return torch.mean(self.norm(self.layers(entered)), dim=1)


class Layer(nn.Module):
    """Attention to all steps, then two linear layers on each; both are added to what comes in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before_attention, self.before_steps = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked = nn.Linear(width, 3 * width)
        self.answered = nn.Linear(width, width)
        self.steps = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, inputs: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        middle = inputs + functional.dropout(
            self.attend(self.before_attention(inputs)), DROPOUT, self.training
        )
        return middle + functional.dropout(
            self.steps(self.before_steps(middle)), DROPOUT, self.training
        )

    def attend(self, inputs: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        parts = (
            self.asked(inputs).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        )  # (query, key, value) of (B, heads, T, D / heads)
        found = functional.scaled_dot_product_attention(*parts.unbind())
        answered: Tensor = self.answered(found.transpose(1, 2).flatten(2))
        return answered


def positions(steps: int, width: int) -> Float[Tensor, "T D"]:
    """Sines and cosines of the position, from fast to slow: no two steps have the same."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(SLOWEST) / width))
    angles = torch.arange(steps).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
