"""Small drawn faces that show an emotion: 32×32 grey values from 0 (black) to 1 (white)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

SIZE = 32
PIXEL = 2 / SIZE  # a face lies in the square from -1 to 1, y downwards

# One row an emotion: eye opening, brow height (down is positive), rise of the inner ends of the
# brows, rise of the mouth's corners, mouth opening, half its width, pull of one corner upwards.
EXPRESSIONS = np.array(
    [
        [0.12, 0.00, 0.00, 0.00, 0.00, 0.28, 0.00],  # neutral
        [0.10, -0.05, 0.00, 0.34, 0.13, 0.48, 0.00],  # happy
        [0.08, -0.01, 0.14, -0.26, 0.00, 0.32, 0.00],  # sad
        [0.19, -0.12, 0.05, -0.02, 0.21, 0.22, 0.00],  # fear
        [0.05, 0.06, -0.04, -0.08, 0.08, 0.34, 0.26],  # disgust
        [0.09, 0.09, -0.16, -0.20, 0.00, 0.38, 0.00],  # anger
    ],
    dtype=np.float32,
)
# Standard deviation of each feature between people.
SPREAD = np.array([0.01, 0.02, 0.02, 0.03, 0.01, 0.02, 0.02], dtype=np.float32)


@dataclass(frozen=True)
class Canvas:
    """Pictures, one a row, with the coordinates of their pixels in the frame of the face."""

    pixels: Floats  # (n, SIZE, SIZE), painted in place
    x: Floats
    y: Floats

    def paint(self, distance: Floats, grey: Floats | float) -> None:
        """Paint where `distance` (in face units) is negative, with an edge one pixel soft."""
        cover = np.clip(0.5 - distance / PIXEL, 0, 1)
        self.pixels[...] += cover * (grey - self.pixels)


def draw_faces(emotions: NDArray[np.int64], noise: float, rng: np.random.Generator) -> Floats:
    """Return a face for each of `emotions`, (n, 1, SIZE, SIZE).

    Place, size, tilt, strength of the expression and features vary.
    """
    n = len(emotions)
    strength = rng.uniform(0.7, 1.2, (n, 1)).astype(np.float32)
    features = EXPRESSIONS[0] + strength * (EXPRESSIONS[emotions] - EXPRESSIONS[0])
    features += SPREAD * rng.standard_normal(features.shape, dtype=np.float32)
    skin = rng.uniform(0.62, 0.85, (n, 1, 1)).astype(np.float32)
    hair = rng.uniform(0.05, 0.35, (n, 1, 1)).astype(np.float32)

    canvas = _blank(n, rng)
    _paint_head(canvas, skin, hair)
    columns = [features[:, i].reshape(n, 1, 1) for i in range(features.shape[1])]
    opening, brow, slant, corners, gape, width, pull = columns
    _paint_eyes(canvas, np.maximum(opening, 0.02), brow, slant, skin)
    _paint_mouth(canvas, corners, np.maximum(gape, 0), width, pull)
    grain = noise * rng.standard_normal(canvas.pixels.shape, dtype=np.float32)
    return (canvas.pixels + grain)[:, None]


def _blank(n: int, rng: np.random.Generator) -> Canvas:
    """Return grey backgrounds with a frame for each face.

    A frame is moved by up to 2 pixels, 10 % larger or 5 % smaller, tilted by up to 7°.
    """
    steps = (np.arange(SIZE, dtype=np.float32) + 0.5) * PIXEL - 1
    x, y = steps[None, None, :], steps[None, :, None]
    shift = rng.uniform(-0.12, 0.12, (2, n))
    size = rng.uniform(0.95, 1.1, n)
    tilt = rng.uniform(-0.12, 0.12, n)
    dx, dy = (x - shift[0].reshape(n, 1, 1)), (y - shift[1].reshape(n, 1, 1))
    cos, sin = (np.cos(tilt) / size).reshape(n, 1, 1), (np.sin(tilt) / size).reshape(n, 1, 1)
    background = rng.uniform(0.15, 0.5, (n, 1, 1)).astype(np.float32)
    pixels = np.broadcast_to(background, (n, SIZE, SIZE)).copy()
    across, down = cos * dx + sin * dy, cos * dy - sin * dx
    return Canvas(pixels, across.astype(np.float32), down.astype(np.float32))


def _paint_head(canvas: Canvas, skin: Floats, hair: Floats) -> None:
    x, y = canvas.x, canvas.y
    canvas.paint(_ellipse(x, y + 0.16, 0.78, 0.80), hair)
    canvas.paint(_ellipse(np.abs(x) - 0.68, y - 0.05, 0.10, 0.16), skin - 0.08)  # ears
    below_fringe = -(y + 0.54 + 0.1 * x)
    canvas.paint(np.maximum(_ellipse(x, y - 0.08, 0.66, 0.84), below_fringe), skin)
    canvas.paint(_stroke(y - 0.18, x, 0.07, 0.02), skin - 0.25)  # the shadow under the nose


def _paint_eyes(canvas: Canvas, opening: Floats, brow: Floats, slant: Floats, skin: Floats) -> None:
    # Both halves at once: 0 is the middle of an eye, the inner side is negative.
    side, y = np.abs(canvas.x) - 0.30, canvas.y + 0.10
    white = _ellipse(side, y, 0.18, opening)
    canvas.paint(white - 0.03, 0.15)  # lashes
    canvas.paint(white, 0.98)
    canvas.paint(np.maximum(_ellipse(side, y, 0.075, 0.085), white), 0.05)
    arch = y + 0.25 - brow - slant * side / 0.18
    canvas.paint(_stroke(arch, side, 0.18, 0.04), skin * 0.2)


def _paint_mouth(
    canvas: Canvas, corners: Floats, gape: Floats, width: Floats, pull: Floats
) -> None:
    x, y = canvas.x, canvas.y - 0.50
    along = np.clip(x / width, -1, 1)
    middle = y - corners * (0.5 - along**2) + pull * np.maximum(along, 0)
    open_by = gape * (1 - along**2)
    lips = np.maximum(np.abs(middle) - open_by, np.abs(x) - width)
    canvas.paint(lips - 0.045, 0.28)
    canvas.paint(np.where(gape > 0.03, lips, np.float32(1)), 0.03)
    teeth = np.maximum(lips, np.abs(middle + 0.6 * open_by) - 0.4 * open_by)
    canvas.paint(np.where(corners > 0.12, teeth, np.float32(1)), 0.95)


def _ellipse(x: Floats, y: Floats, width: float, height: Floats | float) -> Floats:
    """Return the distance to the ellipse of these half axes, exact within a pixel of its edge."""
    small = np.minimum(width, height)
    distance: Floats = (np.sqrt((x / width) ** 2 + (y / height) ** 2 + 1e-9) - 1) * small
    return distance


def _stroke(across: Floats, along: Floats, half_length: float, half_width: float) -> Floats:
    """Return the distance to a line with round ends."""
    beyond = np.maximum(np.abs(along) - half_length, 0)
    distance: Floats = np.sqrt(across**2 + beyond**2) - np.float32(half_width)
    return distance
