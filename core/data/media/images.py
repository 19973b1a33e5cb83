"""Image files decoded to tensors and scaled."""

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

# Pillow, which comes with torchvision: torchvision's own decoder gives the same pixels, but takes
# seconds to import in every process that reads.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
# Raised by Pillow on damaged files.
PILLOW_ERRORS = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def read_image(path: Path) -> Tensor:
    """Return a JPEG, PNG, WebP or BMP file as RGB, uint8 (3, H, W). Raise MediaError."""
    check_file(path)
    try:
        with Image.open(path, formats=FORMATS) as image:
            is_16_bit = image.mode.startswith("I")
            pixels = _scale_16_bit(image) if is_16_bit else np.array(image.convert("RGB"))
    except PILLOW_ERRORS as error:
        raise unreadable(path, "an image", error) from error
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def image_size(path: Path) -> tuple[int, int]:
    """Return height and width by the file's header. Raise MediaError."""
    check_file(path)
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.height, image.width
    except PILLOW_ERRORS as error:
        raise unreadable(path, "an image", error) from error


def scale(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Squash uint8 (C, H, W) to (C, *size), antialiased: the pixels of torchvision's Resize."""
    if image.shape[1:] == size:
        return image
    return functional.interpolate(image[None], size, mode="bilinear", antialias=True)[0]


def _scale_16_bit(image: Image.Image) -> NDArray[np.uint8]:
    """Return a gray image of 16 bits as 8 bits, (H, W, 3): Pillow would cut it off at 255."""
    gray = (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
    return np.stack([gray] * 3, axis=-1)
