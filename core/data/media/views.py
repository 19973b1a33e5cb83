"""How training and evaluation see what is stored: crops and flips of frames, crops of time, on whole batches at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from asgml.core.data.media.random_crop import crop_resize, draw_boxes
from asgml.core.data.options import check_choice, check_whole

AUGMENTS = ("clip", "frame", "off")
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class AudioView:
    """Stored float16 as float32. With `crop`, so many frames of the time: a random part in training, the middle in evaluation.

    OGM-GE's VGGSound loader crops the waveform instead, and takes a random part in its test too. A crop of frames starts at a
    multiple of the hop (8 ms), and its first and last frame hear the sound beside it rather than its mirror image.
    """

    crop: int | None = None

    def __call__(self, stored: Tensor, generator: Generator | None) -> Tensor:
        if self.crop is None or self.crop == stored.shape[-1]:
            return stored.float()
        spare = stored.shape[-1] - self.crop
        if generator is None:
            return stored[..., spare // 2 : spare // 2 + self.crop].float()
        first = torch.randint(spare + 1, (len(stored), 1, 1, 1), generator=generator)
        times = (first + torch.arange(self.crop)).to(stored.device, non_blocking=True)
        return stored.gather(-1, times.expand(*stored.shape[:-1], -1)).float()


@dataclass(frozen=True)
class FramesView:
    """Stored frames, uint8 (B, T, 3, H, W), as float32 (B, T, 3, size, size), minus ImageNet's mean, over its deviation.

    Training cuts a random box (8 to 100 % of the frame) and mirrors half of the clips: the same in all frames of a clip
    ("clip"), anew in every frame ("frame", as published), or not at all ("off"). Evaluation squashes the whole frame.
    Both scale with torchvision's antialiased bilinear filter.
    """

    size: int = 224
    augment: str = "clip"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD

    def __post_init__(self) -> None:
        check_whole("crop", self.size, 1, 4096)
        check_choice("augment", self.augment, AUGMENTS)

    def __call__(self, stored: Tensor, generator: Generator | None) -> Tensor:
        return self.normalise(self.crop_batch(stored, generator)[0])

    def crop_batch(self, stored: Tensor, generator: Generator | None) -> tuple[Tensor, Tensor]:
        """What is seen before it is normalised, 0 … 255, and which frames are mirrored: bool (B, T), or (B, 1) for all of a clip."""
        if generator is None or self.augment == "off":
            return resize(stored, self.size), torch.zeros(len(stored), 1, dtype=torch.bool)
        batch, frames, channels, height, width = stored.shape
        together = frames if self.augment == "clip" else 1  # frames that share a box
        images = stored.reshape(batch * frames // together, together * channels, height, width)
        boxes, flips = draw_boxes(len(images), height, width, generator)
        cut = crop_resize(images, boxes, flips, self.size)
        return cut.view(batch, frames, channels, self.size, self.size), flips.view(batch, -1)

    def normalise(self, images: Tensor) -> Tensor:
        mean = 255 * images.new_tensor(self.mean)[:, None, None]
        std = 255 * images.new_tensor(self.std)[:, None, None]
        return images.sub_(mean).div_(std)


def resize(stored: Tensor, size: int) -> Tensor:
    """uint8 (B, T, C, H, W) squashed to float32 (B, T, C, size, size), 0 … 255: torchvision's Resize((size, size))."""
    images = stored.flatten(0, 1).to(torch.float32)
    if images.shape[-2:] != (size, size):
        images = functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    return images.view(*stored.shape[:3], size, size)
