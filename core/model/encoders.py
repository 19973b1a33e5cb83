"""Encoders: one network per modality, from its input to a feature vector (B, D)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.model.encoder import Encoder, EncoderError, KernelRule
from asgml.core.model.transformer import Transformer


class ResNet18(Encoder):
    """torchvision's ResNet18 without its classifier; D = 512. Input (B, C, H, W), or frames (B, T, C, H, W) pooled over time.

    Initialised as in OGM-GE's code: kaiming_normal (fan_out) convolutions, batch norm weight 1 and bias 0.
    """

    features = 512

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        from torchvision.models import resnet18

        channels, _, _ = image_shape(shape)
        network = resnet18(weights=None)
        network.conv1 = nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        network.fc = nn.Identity()
        network.apply(_initialise)
        self.network = network

    def forward(self, inputs: Float[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        return over_frames(self.network, as_images(inputs))


class Conv(Encoder):
    """A small convolutional net for spectrograms and small images: three 3x3 convolutions of stride 2 with batch norm; D = 64.

    Input as ResNet18.
    """

    features = 64

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        channels, _, _ = image_shape(shape)
        blocks: list[nn.Module] = []
        for wide in (16, 32, self.features):
            blocks += [
                nn.Conv2d(channels, wide, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(wide),
                nn.ReLU(),
            ]
            channels = wide
        self.network = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.network.apply(_initialise)

    def forward(self, inputs: Float[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        return over_frames(self.network, as_images(inputs))


class Sequence(Encoder):
    """A bidirectional GRU over a sequence (B, T, F), averaged over time; D = 128."""

    features = 128
    kernel_rule: KernelRule = "ndim2"

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        if len(shape) != 2:
            raise EncoderError(
                f"encoder sequence takes (T, F) inputs, this modality has shape {shape}; use conv or mlp"
            )
        self.network = nn.GRU(shape[1], self.features // 2, batch_first=True, bidirectional=True)

    def forward(self, inputs: Float[Tensor, "B T F"]) -> Float[Tensor, "B D"]:
        outputs, _ = self.network(inputs)
        return torch.mean(outputs, dim=1)


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
        self.network.apply(_initialise)

    def forward(self, inputs: Float[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        return cast(Tensor, self.network(inputs))


def _transformer(shape: tuple[int, ...]) -> Encoder:
    """It stands in a file of its own, which needs this one."""

    return Transformer(shape)


KINDS: Mapping[str, Callable[[tuple[int, ...]], Encoder]] = {
    "resnet18": ResNet18,
    "conv": Conv,
    "sequence": Sequence,
    "transformer": _transformer,
    "mlp": Mlp,
}


def make_encoder(kind: str, shape: tuple[int, ...]) -> Encoder:
    """The encoder of a kind, or the one that suits the shape for "auto". Raises EncoderError where they do not fit."""
    return KINDS[suitable(shape) if kind == "auto" else kind](shape)


def suitable(shape: tuple[int, ...]) -> str:
    """The kind that suits one sample's shape.

    (D,) is a vector: mlp. (T, F) is a spectrogram where both sides have 32 bins or more, else a sequence. Images and
    spectrograms take ResNet18 from 128 pixels a side, the small net below.
    """
    if len(shape) == 1:
        return "mlp"
    if len(shape) == 2 and min(shape) < 32:
        return "sequence"
    return "resnet18" if min(shape[-2:]) >= 128 else "conv"


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Channels, height and width of one image: (H, W), (C, H, W) or frames (T, C, H, W)."""
    if len(shape) == 2:
        return 1, shape[0], shape[1]
    if len(shape) in (3, 4):
        return shape[-3], shape[-2], shape[-1]
    raise EncoderError(
        f"a convolutional encoder takes (H, W), (C, H, W) or (T, C, H, W) inputs, this modality has shape {shape}; use mlp"
    )


def as_images(inputs: Tensor) -> Tensor:
    """(B, H, W) becomes one-channel images (B, 1, H, W); images and frames pass."""
    return inputs.unsqueeze(1) if inputs.dim() == 3 else inputs


def over_frames(network: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Runs an image network on (B, C, H, W), or on every frame of (B, T, C, H, W), averaging the features over time."""
    if inputs.dim() == 4:
        return network(inputs)
    batch, frames = inputs.shape[:2]
    features = network(inputs.flatten(0, 1))
    return features.view(batch, frames, -1).mean(dim=1)


def _initialise(module: nn.Module) -> None:
    """The field's initialisation: OGM-GE's weight_init."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_normal_(module.weight)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)
