"""Random crops as in torchvision's RandomResizedCrop, drawn and computed for whole batches."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

# Of the frame, uniform: torchvision's defaults, as all papers of the field use them.
MIN_AREA, MAX_AREA = 0.08, 1.0
MIN_RATIO, MAX_RATIO = 3 / 4, 4 / 3  # width to height, log-uniform
TRIES = 10  # boxes drawn before a box in the middle is taken


def draw_boxes(count: int, height: int, width: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Return boxes, int64 (count, 4) of top, left, height and width, and flips, bool (count,).

    The distribution of torchvision's RandomResizedCrop: area uniform, log ratio uniform, until a
    box fits; after ten tries the largest box of an allowed ratio in the middle.
    """
    area, ratio, top, left = torch.rand(4, count, TRIES, generator=generator, dtype=torch.float64)
    area = height * width * (MIN_AREA + (MAX_AREA - MIN_AREA) * area)
    ratio = torch.exp(math.log(MIN_RATIO) + math.log(MAX_RATIO / MIN_RATIO) * ratio)
    tall, wide = (area / ratio).sqrt().round(), (area * ratio).sqrt().round()
    fits = (tall > 0) & (tall <= height) & (wide > 0) & (wide <= width)
    top, left = (top * (height - tall + 1)).floor(), (left * (width - wide + 1)).floor()
    tries = torch.stack([top, left, tall, wide], dim=-1)
    first = fits.to(torch.uint8).argmax(dim=1)
    drawn = tries[torch.arange(count), first].long()
    central = torch.tensor(central_box(height, width))
    boxes = torch.where(fits.any(dim=1)[:, None], drawn, central)
    return boxes, torch.rand(count, generator=generator) < 0.5


def central_box(height: int, width: int) -> tuple[int, int, int, int]:
    """Return top, left, height and width of the middle box, taken where no drawn box fits."""
    tall, wide = height, width
    if width / height < MIN_RATIO:
        tall = round(width / MIN_RATIO)
    elif width / height > MAX_RATIO:
        wide = round(height * MAX_RATIO)
    return (height - tall) // 2, (width - wide) // 2, tall, wide


def crop_resize(images: Tensor, boxes: Tensor, flips: Tensor, size: int) -> Tensor:
    """Scale the box of each image to (N, C, size, size) float32, mirrored where flipped.

    `images` is uint8 (N, C, H, W). Scaling along one side is a product with a matrix of weights,
    so a batch of different boxes is two batched products.
    """
    count, channels, height, width = images.shape
    top, left, tall, wide = boxes.to(images.device, non_blocking=True).unbind(1)
    across = resize_weights(left, wide, width, size)
    flips = flips.to(images.device, non_blocking=True)[:, None, None]
    across = torch.where(flips, across.flip(1), across).transpose(1, 2)
    rows = images.reshape(count, channels * height, width).to(torch.float32) @ across
    rows = rows.view(count, channels, height, size).transpose(1, 2)
    columns = rows.reshape(count, height, channels * size)
    scaled = resize_weights(top, tall, height, size) @ columns
    return scaled.view(count, size, channels, size).transpose(1, 2).contiguous()


def resize_weights(first: Tensor, length: Tensor, side: int, size: int) -> Tensor:
    """Return (N, size, side): the weight of each of `side` pixels in each of `size` scaled ones.

    `length` pixels from `first` on are scaled to `size`. The weights are a triangle around the
    pixel's place, as wide as the pixels are apart on the longer side, normalised: antialiased
    bilinear.
    """
    first, scale = first[:, None, None], (length / size)[:, None, None]
    pixels = torch.arange(side, device=first.device) - first + 0.5
    centres = (torch.arange(size, device=first.device)[:, None] + 0.5) * scale
    raw = (1 - (pixels - centres).abs() / scale.clamp(min=1.0)).clamp(min=0.0)
    raw = raw * ((pixels > 0) & (pixels < length[:, None, None]))
    return raw / raw.sum(dim=-1, keepdim=True)
