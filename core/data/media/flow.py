"""Optical flow as a modality: how far each point moves until the next frame, from images that were made beforehand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from asgml.core.data.clips import Modality, Source
from asgml.core.data.media.frames import (
    FLOW,
    IMAGES,
    by_number,
    choose,
    image_size,
    is_flow,
    read_image,
    scale,
)
from asgml.core.data.media.opening import MediaError, is_container, one_line
from asgml.core.data.media.video import FrameDecoder
from asgml.core.data.media.videofile import measure, sampled
from asgml.core.data.media.views import FramesView

MEAN = 0.5  # of the range: a point that stands still is gray, 128 of 255
STD = 0.226  # of TSN (Wang et al., ECCV 2016), the mean of ImageNet's three; not measured
RATES = (25, 29)  # whole frames a second of UCF-101's videos
FULL = (
    0.9,
    1.1,
)  # images of flow for each frame of the video: extractions leave out the last frame, or a damaged one


@dataclass(frozen=True)
class FlowDecoder:
    """Decodes `frames` moments of a clip to uint8 (frames, 2, H, W): u (to the right) and v (down), each squashed to `size`.

    A source has the first image of u, the first of v, and, where there is one, the video or the first image of the clip's
    frames. The other images lie beside them, one for every frame of the video. The moments are those that a FrameDecoder with
    the same settings shows; where there are no frames, they are chosen among the images of flow. Lengths are not scaled with the image.
    """

    frames: int
    choice: str
    size: tuple[int, int]
    fps: float = 1.0

    def __post_init__(self) -> None:
        _ = self.beside  # which checks the settings

    @property
    def beside(self) -> FrameDecoder:
        """What decodes the frames at the same moments."""
        return FrameDecoder(self.frames, self.choice, self.size, self.fps)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.frames, 2, *self.size)

    @property
    def dtype(self) -> torch.dtype:
        return torch.uint8

    @property
    def settings(self) -> dict[str, Any]:
        return {**self.beside.settings, "channels": "u, v", "moments": "of the frames"}

    def decode(self, source: Source, clip: str) -> Tensor:
        """(*shape) uint8. Raises DataError that names the file."""
        pairs = find_pairs(source)
        numbers = self.moments(source, len(pairs), clip)
        decoded = {number: self._pair(pairs[number]) for number in dict.fromkeys(numbers)}
        return torch.stack([decoded[number] for number in numbers])

    def moments(self, source: Source, there: int, clip: str) -> list[int]:
        """The numbers of the images of flow, of which `there` are there."""
        if len(source.paths) < 3:
            return choose(there, self.frames, self.choice, clip)
        kept = kept_frames(source.paths[2], source.paths[0].parent, there, self.fps)
        return [min(kept[i], there - 1) for i in choose(len(kept), self.frames, self.choice, clip)]

    def _pair(self, pair: tuple[Path, Path]) -> Tensor:
        return torch.cat([scale(read_image(path)[:1], self.size) for path in pair])


def kept_frames(clock: Path, folder: Path, flows: int, fps: float) -> list[int]:
    """The number in the video of every frame that is to choose from: of `clock`, the video itself, or the first of its images.

    Raises MediaError where the flow in `folder` cannot have been made of every frame.
    """
    if is_container(clock):
        video = measure(clock)
        if not FULL[0] <= (flows + 1) / video.frames <= FULL[1]:
            raise MediaError(
                folder,
                "short",
                f"{flows} images of flow, but {video.frames} frames in {clock.name}; expected one a frame",
            )
        return sampled(video.frames, video.fps, fps)
    images = len(images_in(clock.parent))
    rate = min(RATES, key=lambda rate: abs(len(sampled(flows + 1, rate, fps)) - images))
    expected = len(sampled(flows + 1, rate, fps))
    if abs(expected - images) > max(1, images // 10):
        told = f"{flows} images of flow, but {images} frames in {clock.parent}, not {expected}"
        raise MediaError(
            folder,
            "short",
            f"{told}; expected one a frame of the video; set fps to the frames a second in that folder",
        )
    return sampled(flows + 1 + 2 * rate * max(1, images), rate, fps)[:images]


def find_pairs(source: Source) -> list[tuple[Path, Path]]:
    """The images of u and of v in the order of time. Raises MediaError, which names one that is missing."""
    if len(source.paths) < 2:
        raise MediaError(
            source.paths[0] if source.paths else Path(),
            "empty",
            "has no flow; expected images of u and of v",
        )
    (u, kind_u), (v, kind_v) = [(path.parent, kind_of(path.name)) for path in source.paths[:2]]
    names_u, names_v = images_in(u, kind_u), images_in(v, kind_v)
    if lone := without_partner(names_u, names_v):
        raise MediaError(
            (u, v)[lone[0]] / lone[1],
            "missing",
            "no such file, but the other direction of the same moment is there",
        )
    return [(u / one, v / other) for one, other in zip(names_u, names_v, strict=True)]


def images_in(folder: Path, kind: str = "") -> list[str]:
    """The names of the images in a folder in the order of time: those of one direction of flow, or, for "", those of none."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise MediaError(
            folder,
            "missing" if not folder.exists() else "unreadable",
            f"cannot be listed ({one_line(error)})",
        ) from error
    return sorted(
        (name for name in names if is_image(name) and kind_of(name) == kind), key=by_number
    )


def is_image(name: str) -> bool:
    return name.lower().endswith(IMAGES) and not name.startswith(".")


def kind_of(name: str) -> str:
    """flow_x, flow_y, or "" for an image that says no direction."""
    return name[: len(FLOW[0])].lower() if is_flow(name) else ""


def without_partner(u: Sequence[str], v: Sequence[str]) -> tuple[int, str] | None:
    """The first image that is missing: whether it is one of u (0) or of v (1), and its name."""
    moments = [{name[len(kind_of(name)) :]: kind_of(name) for name in names} for names in (u, v)]
    if moments[0].keys() == moments[1].keys():
        return None
    first = min(moments[0].keys() ^ moments[1].keys(), key=by_number)
    missing = int(first in moments[0])
    return missing, kind_here(
        moments[missing].values(), moments[1 - missing][first], missing
    ) + first


def kind_here(known: Iterable[str], of_partner: str, direction: int) -> str:
    """How the names of a direction begin: as the others of it do, or, where there are none, as those of its partner suggest."""
    return next(iter(known), FLOW[direction] if of_partner else "")


@dataclass(frozen=True)
class FlowView(FramesView):
    """Stored flow, uint8 (B, T, 2, H, W), as float32 (B, T, 2, size, size), as FramesView crops, scales and normalises frames.

    In a mirror what moves to the right moves to the left, so u of a mirrored clip becomes 255 - u. The crop of a clip is not
    that of its frames: every modality draws its own.
    """

    mean: tuple[float, ...] = (MEAN, MEAN)
    std: tuple[float, ...] = (STD, STD)

    def __call__(self, stored: Tensor, generator: Generator | None) -> Tensor:
        images, flips = self.cut(stored, generator)
        mirrored = flips.to(images.device, non_blocking=True)[..., None, None]
        images[:, :, 0] = torch.where(mirrored, 255 - images[:, :, 0], images[:, :, 0])
        return self.normalise(images)


def flow_modality(
    frames: int,
    choice: str,
    size: tuple[int, int],
    crop: int = 224,
    augment: str = "clip",
    fps: float = 1.0,
) -> Modality:
    """`frames` moments stored at `size`, seen as (frames, 2, crop, crop)."""
    return Modality(
        FlowDecoder(frames, choice, size, fps), (frames, 2, crop, crop), FlowView(crop, augment)
    )


def check_flow(source: Source) -> None:
    """Decodes every image of the flow of a clip. Raises MediaError, which names the first that is missing, empty or unreadable."""
    for path in [path for pair in find_pairs(source) for path in pair]:
        read_image(path)


def flow_facts(source: Source) -> dict[str, Any]:
    """How many images of each direction there are, height and width of the first. Raises DataError."""
    pairs = find_pairs(source)
    height, width = image_size(pairs[0][0])
    return {"frames": len(pairs), "height": height, "width": width}
