"""Random crops of images, on whole batches at once."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

AREA_RANGE = (
    0.08,
    1.0,
)  # of the frame, uniform: torchvision's RandomResizedCrop, as all papers of the field use it


RATIO_RANGE = (3 / 4, 4 / 3)  # width to height, log-uniform


TRIES = 10  # boxes drawn before a box in the middle is taken


def draw_boxes(count: int, height: int, width: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Boxes int64 (count, 4) of top, left, height, width, and flips bool (count,): the law of torchvision's RandomResizedCrop.

    Area uniform, log ratio uniform, until a box fits; after ten tries the largest box of an allowed ratio in the middle.
    """
    area, ratio, top, left = torch.rand(4, count, TRIES, generator=generator, dtype=torch.float64)
    area = height * width * (AREA_RANGE[0] + (AREA_RANGE[1] - AREA_RANGE[0]) * area)
    ratio = torch.exp(math.log(RATIO_RANGE[0]) + math.log(RATIO_RANGE[1] / RATIO_RANGE[0]) * ratio)
    tall, wide = (area / ratio).sqrt().round(), (area * ratio).sqrt().round()
    fits = (tall > 0) & (tall <= height) & (wide > 0) & (wide <= width)
    tries = torch.stack(
        [(top * (height - tall + 1)).floor(), (left * (width - wide + 1)).floor(), tall, wide],
        dim=-1,
    )
    first = fits.to(torch.uint8).argmax(dim=1)
    drawn = tries[torch.arange(count), first].long()
    boxes = torch.where(fits.any(dim=1)[:, None], drawn, torch.tensor(central_box(height, width)))
    return boxes, torch.rand(count, generator=generator) < 0.5


def central_box(height: int, width: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of the box in the middle that is taken where no drawn box fits."""
    tall, wide = height, width
    if width / height < RATIO_RANGE[0]:
        tall = round(width / RATIO_RANGE[0])
    elif width / height > RATIO_RANGE[1]:
        wide = round(height * RATIO_RANGE[1])
    return (height - tall) // 2, (width - wide) // 2, tall, wide


def crop_resize(images: Tensor, boxes: Tensor, flips: Tensor, size: int) -> Tensor:
    """uint8 (N, C, H, W) to float32 (N, C, size, size): the box of each image, scaled with antialiasing, mirrored where flipped.

    Scaling along one side is a product with a matrix of resize_weights, so a batch of different boxes is two batched products.
    """
    count, channels, height, width = images.shape
    top, left, tall, wide = boxes.to(images.device, non_blocking=True).unbind(1)
    across = resize_weights(left, wide, width, size)
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
    done = resize_weights(top, tall, height, size) @ columns
    return done.view(count, size, channels, size).transpose(1, 2).contiguous()


def resize_weights(first: Tensor, length: Tensor, whole: int, size: int) -> Tensor:
    """(N, size, whole): what each of `size` pixels takes from a side, of which `length` pixels from `first` on are scaled to it.

    A triangle around the pixel's place, as wide as the pixels are apart on the longer side, normalised: antialiased bilinear.
    """
    first, scale = first[:, None, None], (length / size)[:, None, None]
    places = torch.arange(whole, device=first.device) - first + 0.5
    centres = (torch.arange(size, device=first.device)[:, None] + 0.5) * scale
    raw = (1 - (places - centres).abs() / scale.clamp(min=1.0)).clamp(min=0.0)
    raw = raw * ((places > 0) & (places < length[:, None, None]))
    return raw / raw.sum(dim=-1, keepdim=True)
