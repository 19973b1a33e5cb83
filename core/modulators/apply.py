"""Write a modulation into the gradients: the one place where a method changes a gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Generator, Tensor

from asgml.core.modulators.modulation import Modulation
from asgml.core.modulators.noise import add_noise, standard_deviation
from asgml.core.types import ParameterGroup, Scalar

NOISE_FLOOR = 1e-8
"""Added to a gradient's standard deviation, as in OGM-GE's code."""


def apply(
    modulation: Modulation, groups: Mapping[str, ParameterGroup], generator: Generator
) -> None:
    """Set g <- gain * g + noise * (std(g) + 1e-8) * N(0, 1) for every parameter with a gradient.

    Where the modulation has directions, of encoders or of the head, they first take the place of g.
    The standard deviation is that of the gradient before the gain (OGM-GE, CVPR 2022, eq. 12).
    `generator` lives on the parameters' device and is used for nothing else. Raise KeyError for a
    modality that the model lacks.
    """
    for modality, directions in modulation.directions.items():
        _replace(groups[modality].gradients("all"), directions)
    for parameter, direction in modulation.head_directions.items():
        if parameter.grad is not None:
            parameter.grad.copy_(direction)
    # Sorted keys: two methods give the same bits whichever is named first.
    noisy = {key: groups[key[0]].gradients(key[1]) for key in sorted(modulation.noise)}
    spreads = {
        key: [(standard_deviation(g) + NOISE_FLOOR) * modulation.noise[key] for g in gradients]
        for key, gradients in noisy.items()
    }
    for (modality, rule), gain in sorted(modulation.gains.items()):
        _multiply(groups[modality].gradients(rule), gain)
    for key, gradients in noisy.items():
        add_noise(gradients, spreads[key], generator)


# torch._foreach_*: one kernel for all tensors of an encoder, where a loop would launch one each.
def _replace(gradients: list[Tensor], directions: Sequence[Tensor]) -> None:
    if gradients:
        torch._foreach_copy_(gradients, list(directions))


def _multiply(gradients: list[Tensor], gain: Scalar) -> None:
    if gradients:
        torch._foreach_mul_(gradients, gain)
