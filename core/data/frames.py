"""Chooses the frames of a clip, and decodes and scales images."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torchvision.io import ImageReadMode, decode_image

from core.data.media import MediaError, check_file, unreadable

CHOICES = ("uniform", "first", "random")


def choose(there: int, wanted: int, choice: str, clip: str) -> list[int]:
    """The numbers, in order, of `wanted` among `there` frames (one or more).

    "uniform": the middle of each of `wanted` equal parts. "first": the first ones, the last repeated where there are too few,
    as the published loaders come to. "random": drawn from the clip's name, so a clip has the same ones in every epoch, run and
    process; where there are too few, as uniform. Where there are too few, uniform repeats the nearest.
    """
    if choice == "first":
        return [min(i, there - 1) for i in range(wanted)]
    if choice == "random" and there >= wanted:
        rng = np.random.default_rng(zlib.crc32(clip.encode(errors="surrogatepass")))
        return sorted(rng.choice(there, wanted, replace=False).tolist())
    return [(2 * i + 1) * there // (2 * wanted) for i in range(wanted)]


def read_image(path: Path) -> Tensor:
    """A JPEG or PNG file as RGB, uint8 (3, H, W). Raises MediaError."""
    check_file(path)
    try:
        data = torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)
        image: Tensor = decode_image(data, mode=ImageReadMode.RGB)
    except (OSError, RuntimeError, ValueError) as error:
        raise unreadable(path, "an image", error) from error
    if image.dim() != 3:
        raise MediaError(path, "unreadable", "is an animation; expected one image")
    if image.dtype == torch.uint16:  # PNG of 16 bits
        image = (image.to(torch.int32) // 257).to(torch.uint8)
    return image


def scale(image: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 (3, H, W) squashed to (3, *size), antialiased: the pixels of torchvision's Resize, without its import."""
    if image.shape[1:] == size:
        return image
    return functional.interpolate(image[None], size, mode="bilinear", antialias=True)[0]
