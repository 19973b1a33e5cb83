"""Convolutional encoders of images, spectrograms and frames: ResNet18 and a small net."""

from __future__ import annotations

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor, nn

from asgml.core.model.encoders.base import Encoder, EncoderError, initialise


class ResNet18(Encoder):
    """torchvision's ResNet18 without its classifier; D = 512.

    Input (B, H, W), (B, C, H, W), or frames (B, T, C, H, W), whose features are averaged over time.
    Initialised as in OGM-GE's code: kaiming_normal (fan_out) convolutions, batch norm weight 1 and
    bias 0.
    """

    features = 512

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        # Imported here: torchvision takes over a second to import, and only ResNet18 needs it.
        from torchvision.models import resnet18

        channels, _, _ = image_shape(shape)
        network = resnet18(weights=None)
        # torchvision's first convolution takes three channels; a spectrogram has one, flow has two.
        network.conv1 = nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3, bias=False)
        network.fc = nn.Identity()
        network.apply(initialise)
        self.network = network

    def forward(self, inputs: Float[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        return over_frames(self.network, as_images(inputs))


class Conv(Encoder):
    """Three 3x3 convolutions of stride 2 with batch norm, for small images; D = 64.

    Input as for ResNet18.
    """

    features = 64

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        channels, _, _ = image_shape(shape)
        blocks: list[nn.Module] = []
        for width in (16, 32, self.features):
            # No bias in the convolution: the batch norm that follows would subtract it.
            blocks += [
                nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            channels = width
        self.network = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.network.apply(initialise)

    def forward(self, inputs: Float[Tensor, "B ..."]) -> Float[Tensor, "B D"]:
        return over_frames(self.network, as_images(inputs))


def image_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return channels, height and width of an image (H, W), (C, H, W) or frames (T, C, H, W)."""
    if len(shape) == 2:
        return 1, shape[0], shape[1]
    if len(shape) in (3, 4):
        return shape[-3], shape[-2], shape[-1]
    raise EncoderError(
        "a convolutional encoder takes (H, W), (C, H, W) or (T, C, H, W) inputs, "
        f"this modality has shape {shape}; use mlp"
    )


def as_images(inputs: Tensor) -> Tensor:
    """Return (B, H, W) as images of one channel, (B, 1, H, W); images and frames unchanged."""
    return inputs.unsqueeze(1) if inputs.dim() == 3 else inputs


def over_frames(network: Callable[[Tensor], Tensor], inputs: Tensor) -> Tensor:
    """Return features (B, D) of images (B, C, H, W), or of frames, averaged over time."""
    if inputs.dim() == 4:
        return network(inputs)
    # Frames as samples: one pass through the network, and batch norm sees every frame.
    batch, frames = inputs.shape[:2]
    features = network(inputs.flatten(0, 1))
    return features.view(batch, frames, -1).mean(dim=1)
