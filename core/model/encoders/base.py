"""The base of all encoders: D features and the rule that selects the kernels."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from asgml.core.types import ParameterGroup

KernelRule = Literal["conv4d", "ndim2", "all"]


class EncoderError(ValueError):
    """An encoder that cannot take the shape of its modality. The message is one line."""


class Encoder(nn.Module):
    """A network from the input of one modality to features (B, D).

    `features` is D. `kernel_rule` selects the parameters that are kernels for methods which, like
    OGM-GE, modulate convolution kernels only: conv4d those of 4 dimensions, ndim2 those of 2 or
    more, all every one. An encoder without convolutions needs another rule than conv4d, or nothing
    would be modulated.
    """

    features: int
    kernel_rule: KernelRule = "conv4d"
    frozen: bool = False

    def freeze(self) -> None:
        """Stop training it: the weights stay, and in eval mode batch norm's statistics too."""
        self.frozen = True
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Encoder:
        # After each evaluation the whole model goes back to train mode, a frozen encoder does not.
        super().train(mode and not self.frozen)
        return self

    def parameter_group(self, rule: str = "auto") -> ParameterGroup:
        """Return the trainable parameters, split by `rule`; "auto" is the encoder's own rule."""
        chosen = self.kernel_rule if rule == "auto" else rule
        trainable = [parameter for parameter in self.parameters() if parameter.requires_grad]
        kernels = tuple(parameter for parameter in trainable if _is_kernel(parameter, chosen))
        others = tuple(parameter for parameter in trainable if not _is_kernel(parameter, chosen))
        device = next((parameter.device for parameter in self.parameters()), torch.device("cpu"))
        return ParameterGroup(kernels, others, device)


def initialise(module: nn.Module) -> None:
    """Initialise one layer as OGM-GE's weight_init does: the field's custom for these networks."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_normal_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)


def require_sequence(kind: str, shape: tuple[int, ...]) -> None:
    """Raise EncoderError where a sample is no sequence (T, F)."""
    if len(shape) != 2:
        raise EncoderError(
            f"encoder {kind} takes (T, F) inputs, this modality has shape {shape}; use conv or mlp"
        )


def _is_kernel(parameter: nn.Parameter, rule: str) -> bool:
    match rule:
        case "conv4d":
            return parameter.dim() == 4
        case "ndim2":
            return parameter.dim() >= 2
        case "all":
            return True
    raise ValueError(f"kernel rule {rule!r}: expected conv4d, ndim2 or all")
