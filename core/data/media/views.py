"""Views: stored samples as training and evaluation show them to a network, on whole batches."""

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
FLOW_MEAN = 0.5  # of the range: a point that stands still is gray, 128 of 255
FLOW_STD = 0.226  # of TSN (Wang et al., ECCV 2016), the mean of ImageNet's three; not measured


@dataclass(frozen=True)
class AudioView:
    """Stored float16 as float32, with `crop` only that many frames of the time.

    Training takes a random crop, evaluation the one in the middle. OGM-GE's VGGSound loader crops
    the waveform instead, and at random in its test too. A crop of frames starts at a multiple of
    the hop (8 ms), and its first and last frame contain the sound beside it rather than its mirror
    image.
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
    """Stored frames, uint8 (B, T, 3, H, W), as normalised float32 (B, T, 3, size, size).

    Training cuts a random box (8 to 100 % of the frame) and mirrors half of the clips: the same in
    all frames of a clip ("clip"), anew in every frame ("frame", as published), or not at all
    ("off"). Evaluation squashes the whole frame. Both scale with torchvision's antialiased bilinear
    filter, then subtract ImageNet's mean and divide by its standard deviation.
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
        """Return the cropped frames, 0 … 255, and the mirrored ones: bool (B, T).

        The latter is (B, 1) where all frames of a clip are alike.
        """
        if generator is None or self.augment == "off":
            return resize(stored, self.size), torch.zeros(len(stored), 1, dtype=torch.bool)
        batch, frames, channels, height, width = stored.shape
        # Frames that share a box become channels of one image, so that they are cropped together.
        together = frames if self.augment == "clip" else 1
        images = stored.reshape(batch * frames // together, together * channels, height, width)
        boxes, flips = draw_boxes(len(images), height, width, generator)
        cropped = crop_resize(images, boxes, flips, self.size)
        return cropped.view(batch, frames, channels, self.size, self.size), flips.view(batch, -1)

    def normalise(self, images: Tensor) -> Tensor:
        mean = 255 * images.new_tensor(self.mean)[:, None, None]
        std = 255 * images.new_tensor(self.std)[:, None, None]
        return images.sub_(mean).div_(std)


@dataclass(frozen=True)
class FlowView(FramesView):
    """Stored flow, uint8 (B, T, 2, H, W), as float32 (B, T, 2, size, size), seen as frames are.

    In a mirror what moves to the right moves to the left, so u of a mirrored clip becomes 255 - u.
    The crop of a clip is not that of its frames: every modality draws its own.
    """

    mean: tuple[float, ...] = (FLOW_MEAN, FLOW_MEAN)
    std: tuple[float, ...] = (FLOW_STD, FLOW_STD)

    def __call__(self, stored: Tensor, generator: Generator | None) -> Tensor:
        images, flips = self.crop_batch(stored, generator)
        mirrored = flips.to(images.device, non_blocking=True)[..., None, None]
        images[:, :, 0] = torch.where(mirrored, 255 - images[:, :, 0], images[:, :, 0])
        return self.normalise(images)


def resize(stored: Tensor, size: int) -> Tensor:
    """Squash uint8 (B, T, C, H, W) to float32 (B, T, C, size, size), 0 … 255.

    The numbers of torchvision's Resize((size, size)).
    """
    images = stored.flatten(0, 1).to(torch.float32)
    if images.shape[-2:] != (size, size):
        images = functional.interpolate(images, (size, size), mode="bilinear", antialias=True)
    return images.view(*stored.shape[:3], size, size)
