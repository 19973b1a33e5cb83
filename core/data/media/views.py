"""How training and evaluation see what is stored: crops and flips of frames, crops of time, on whole batches at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional

from asgml.core.data.clips import check_choice
from asgml.core.data.options import check_whole

AUGMENTS = ("clip", "frame", "off")
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
AREA = (
    0.08,
    1.0,
)  # of the frame, uniform: torchvision's RandomResizedCrop, as all papers of the field use it
RATIO = (3 / 4, 4 / 3)  # width to height, log-uniform
TRIES = 10  # boxes drawn before a box in the middle is taken


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
        return self.normalise(self.cut(stored, generator)[0])

    def cut(self, stored: Tensor, generator: Generator | None) -> tuple[Tensor, Tensor]:
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


def draw_boxes(count: int, height: int, width: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Boxes int64 (count, 4) of top, left, height, width, and flips bool (count,): the law of torchvision's RandomResizedCrop.

    Area uniform, log ratio uniform, until a box fits; after ten tries the largest box of an allowed ratio in the middle.
    """
    area, ratio, top, left = torch.rand(4, count, TRIES, generator=generator, dtype=torch.float64)
    area = height * width * (AREA[0] + (AREA[1] - AREA[0]) * area)
    ratio = torch.exp(math.log(RATIO[0]) + math.log(RATIO[1] / RATIO[0]) * ratio)
    tall, wide = (area / ratio).sqrt().round(), (area * ratio).sqrt().round()
    fits = (tall > 0) & (tall <= height) & (wide > 0) & (wide <= width)
    tries = torch.stack(
        [(top * (height - tall + 1)).floor(), (left * (width - wide + 1)).floor(), tall, wide],
        dim=-1,
    )
    first = fits.to(torch.uint8).argmax(dim=1)
    drawn = tries[torch.arange(count), first].long()
    boxes = torch.where(fits.any(dim=1)[:, None], drawn, torch.tensor(middle_box(height, width)))
    return boxes, torch.rand(count, generator=generator) < 0.5


def middle_box(height: int, width: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of the box in the middle that is taken where no drawn box fits."""
    tall, wide = height, width
    if width / height < RATIO[0]:
        tall = round(width / RATIO[0])
    elif width / height > RATIO[1]:
        wide = round(height * RATIO[1])
    return (height - tall) // 2, (width - wide) // 2, tall, wide


def crop_resize(images: Tensor, boxes: Tensor, flips: Tensor, size: int) -> Tensor:
    """uint8 (N, C, H, W) to float32 (N, C, size, size): the box of each image, scaled with antialiasing, mirrored where flipped.

    Scaling along one side is a product with a matrix of weights, so a batch of different boxes is two batched products.
    """
    count, channels, height, width = images.shape
    top, left, tall, wide = boxes.to(images.device, non_blocking=True).unbind(1)
    across = weights(left, wide, width, size)
    across = torch.where(
        flips.to(images.device, non_blocking=True)[:, None, None], across.flip(1), across
    )
    rows = images.reshape(count, channels * height, width).to(torch.float32) @ across.transpose(
        1, 2
    )
    columns = (
        rows.view(count, channels, height, size)
        .transpose(1, 2)
        .reshape(count, height, channels * size)
    )
    done = weights(top, tall, height, size) @ columns
    return done.view(count, size, channels, size).transpose(1, 2).contiguous()


def weights(first: Tensor, length: Tensor, whole: int, size: int) -> Tensor:
    """(N, size, whole): what each of `size` pixels takes from a side, of which `length` pixels from `first` on are scaled to it.

    A triangle around the pixel's place, as wide as the pixels are apart on the longer side, normalised: antialiased bilinear.
    """
    first, scale = first[:, None, None], (length / size)[:, None, None]
    places = torch.arange(whole, device=first.device) - first + 0.5
    centres = (torch.arange(size, device=first.device)[:, None] + 0.5) * scale
    raw = (1 - (places - centres).abs() / scale.clamp(min=1.0)).clamp(min=0.0)
    raw = raw * ((places > 0) & (places < length[:, None, None]))
    return raw / raw.sum(dim=-1, keepdim=True)
