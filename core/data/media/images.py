"""Chooses the frames of a clip, and decodes and scales images."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from asgml.core.data.media.media_file import check_file, unreadable

# Pillow comes with torchvision, whose own decoder gives the same pixels, but takes seconds to import in every process that reads.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)  # Pillow on bad data

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def read_image(path: Path) -> Tensor:
    """A JPEG, PNG, WebP or BMP file as RGB, uint8 (3, H, W). Raises MediaError."""
    check_file(path)
    try:
        with Image.open(path, formats=FORMATS) as image:
            pixels = _deep(image) if image.mode.startswith("I") else np.array(image.convert("RGB"))
    except BROKEN as error:
        raise unreadable(path, "an image", error) from error
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def image_size(path: Path) -> tuple[int, int]:
    """Height and width, by the head of the file. Raises MediaError."""
    check_file(path)
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.height, image.width
    except BROKEN as error:
        raise unreadable(path, "an image", error) from error


def _deep(image: Image.Image) -> NDArray[np.uint8]:
    """Gray of 16 bits, which Pillow would cut off at 255 rather than scale."""
    gray = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
    return np.stack([gray] * 3, axis=-1)


def scale(image: Tensor, size: tuple[int, int]) -> Tensor:
    """uint8 (3, H, W) squashed to (3, *size), antialiased: the pixels of torchvision's Resize."""
    if image.shape[1:] == size:
        return image
    return functional.interpolate(image[None], size, mode="bilinear", antialias=True)[0]
