"""What every encoder is: a network with D features, and a rule that says which of its parameters are kernels."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from asgml.core.types import ParameterGroup

KernelRule = Literal["conv4d", "ndim2", "all"]


class EncoderError(ValueError):
    """An encoder that cannot take the shape of its modality. One line for a person."""


class Encoder(nn.Module):
    """The base of all encoders.

    `features` is D. `kernel_rule` says which parameters count as kernels for methods that, like OGM-GE, modulate
    convolution kernels only: an encoder without convolutions must name another rule, or nothing would be modulated.
    """

    features: int
    kernel_rule: KernelRule = "conv4d"
    frozen: bool = False

    def freeze(self) -> None:
        """Keeps the weights as they are, and batch norm's running statistics too: a frozen encoder stays in eval mode."""
        self.frozen = True
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Encoder:
        super().train(mode and not self.frozen)
        return self

    def parameter_group(self, rule: str = "auto") -> ParameterGroup:
        """The trainable parameters, parted by `rule` ("auto" is the encoder kind's own)."""
        chosen = self.kernel_rule if rule == "auto" else rule
        trainable = [parameter for parameter in self.parameters() if parameter.requires_grad]
        kernels = tuple(parameter for parameter in trainable if _is_kernel(parameter, chosen))
        others = tuple(parameter for parameter in trainable if not _is_kernel(parameter, chosen))
        return ParameterGroup(
            kernels, others, next((p.device for p in self.parameters()), torch.device("cpu"))
        )


def _is_kernel(parameter: nn.Parameter, rule: str) -> bool:
    least = {"conv4d": 4, "ndim2": 2, "all": 0}[rule]
    return parameter.dim() == 4 if rule == "conv4d" else parameter.dim() >= least
