"""The Transformer encoder: the paper's attention, aware of order, each sample by itself."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from core_kit import small_data, train_small
from torch import Tensor

from asgml.core.model.encoders.base import EncoderError
from asgml.core.model.encoders.build import make_encoder
from asgml.core.model.encoders.transformer import HEADS, Layer, positions


def slow_attention(layer: Layer, inputs: Tensor) -> Tensor:
    """Compute attention one sample, head and position at a time."""
    width = inputs.shape[2]
    size = width // HEADS
    query, key, value = layer.asked(inputs).split(width, dim=2)
    found = torch.zeros_like(inputs)
    for b in range(inputs.shape[0]):
        for head in range(HEADS):
            dims = slice(head * size, (head + 1) * size)
            for t in range(inputs.shape[1]):
                scores = torch.stack(
                    [query[b, t, dims] @ key[b, s, dims] for s in range(inputs.shape[1])]
                ) / math.sqrt(size)
                found[b, t, dims] = sum(
                    weight * value[b, s, dims] for s, weight in enumerate(scores.softmax(dim=0))
                )
    answered: Tensor = layer.answered(found)
    return answered


@torch.no_grad()
def test_attention_is_that_of_the_paper() -> None:
    torch.manual_seed(0)
    layer, inputs = Layer(32), torch.randn(2, 5, 32)
    torch.testing.assert_close(
        layer.attend(inputs), slow_attention(layer, inputs), atol=1e-5, rtol=1e-4
    )


@torch.no_grad()
def test_samples_do_not_see_each_other_and_order_counts() -> None:
    torch.manual_seed(0)
    encoder, inputs = make_encoder("transformer", (7, 3)).eval(), torch.randn(4, 7, 3)
    together = encoder(inputs)
    assert together.shape == (4, encoder.features)
    torch.testing.assert_close(encoder(inputs[2:3]), together[2:3], atol=1e-5, rtol=1e-4)
    assert (encoder(inputs.flip(1)) - together).abs().max() > 1e-2


def test_no_two_positions_are_alike() -> None:
    distances = torch.cdist(positions(500, 128), positions(500, 128)) + torch.eye(500)
    assert distances.min() > 0.1


def test_matrices_are_its_kernels_and_other_shapes_are_refused() -> None:
    group = make_encoder("transformer", (7, 3)).parameter_group()
    assert len(group.kernels) == 9 and all(parameter.dim() == 2 for parameter in group.kernels)
    assert all(parameter.dim() == 1 for parameter in group.others)
    with pytest.raises(EncoderError, match=r"\(T, F\)"):
        make_encoder("transformer", (5,))


def test_it_trains_balanced(tmp_path: Path) -> None:
    _, run = train_small(
        tmp_path / "run",
        small_data(("text", "pulse")),
        method="ogm_ge+boost",
        encoder="transformer",
        epochs=4,
    )
    assert run.column("epochs", "train_loss")[-1] < run.column("epochs", "train_loss")[0]
