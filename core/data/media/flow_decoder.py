"""Optical flow as a modality: how far each point moves until the next frame, from images that were made beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from asgml.core.data.clips import Modality, Source
from asgml.core.data.media.container import is_container
from asgml.core.data.media.flow_files import find_pairs, list_images
from asgml.core.data.media.frame_choice import choose_frames, extracted_frames
from asgml.core.data.media.frame_decoder import FrameDecoder
from asgml.core.data.media.images import image_size, read_image, scale
from asgml.core.data.media.media_file import MediaError
from asgml.core.data.media.video_file import read_video_info
from asgml.core.data.media.views import FramesView

MEAN = 0.5  # of the range: a point that stands still is gray, 128 of 255
STD = 0.226  # of TSN (Wang et al., ECCV 2016), the mean of ImageNet's three; not measured
VIDEO_RATES = (25, 29)  # whole frames a second of UCF-101's videos
FLOWS_PER_FRAME = (
    0.9,
    1.1,
)  # images of flow for each frame of the video: extractions leave out the last frame, or a damaged one


@dataclass(frozen=True)
class FlowDecoder:
    """Decodes `frames` moments of a clip to uint8 (frames, 2, H, W): u (to the right) and v (down), each squashed to `size`.

    A source has the first image of u, the first of v, and, where there is one, the video or the first image of the clip's
    frames. The other images lie frame_decoder them, one for every frame of the video. The moments are those that a FrameDecoder with
    the same settings shows; where there are no frames, they are chosen among the images of flow. Lengths are not scaled with the image.
    """

    frames: int
    choice: str
    size: tuple[int, int]
    fps: float = 1.0

    def __post_init__(self) -> None:
        _ = self.frame_decoder  # which checks the settings

    @property
    def frame_decoder(self) -> FrameDecoder:
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
        return {**self.frame_decoder.settings, "channels": "u, v", "moments": "of the frames"}

    def decode(self, source: Source, clip: str) -> Tensor:
        """(*shape) uint8. Raises DataError that names the file."""
        pairs = find_pairs(source)
        numbers = self.choose_images(source, len(pairs), clip)
        decoded = {number: self._pair(pairs[number]) for number in dict.fromkeys(numbers)}
        return torch.stack([decoded[number] for number in numbers])

    def choose_images(self, source: Source, there: int, clip: str) -> list[int]:
        """The numbers of the images of flow, of which `there` are there."""
        if len(source.paths) < 3:
            return choose_frames(there, self.frames, self.choice, clip)
        kept = candidate_frames(source.paths[2], source.paths[0].parent, there, self.fps)
        return [
            min(kept[i], there - 1)
            for i in choose_frames(len(kept), self.frames, self.choice, clip)
        ]

    def _pair(self, pair: tuple[Path, Path]) -> Tensor:
        return torch.cat([scale(read_image(path)[:1], self.size) for path in pair])


def candidate_frames(reference: Path, folder: Path, flows: int, fps: float) -> list[int]:
    """The number in the video of every frame that is to choose from: of `reference`, the video itself, or the first of its images.

    Raises MediaError where the flow in `folder` cannot have been made of every frame.
    """
    if is_container(reference):
        video = read_video_info(reference)
        if not FLOWS_PER_FRAME[0] <= (flows + 1) / video.frames <= FLOWS_PER_FRAME[1]:
            raise MediaError(
                folder,
                "short",
                f"{flows} images of flow, but {video.frames} frames in {reference.name}; expected one a frame",
            )
        return extracted_frames(video.frames, video.fps, fps)
    images = len(list_images(reference.parent))
    rate = min(
        VIDEO_RATES, key=lambda rate: abs(len(extracted_frames(flows + 1, rate, fps)) - images)
    )
    expected = len(extracted_frames(flows + 1, rate, fps))
    if abs(expected - images) > max(1, images // 10):
        told = f"{flows} images of flow, but {images} frames in {reference.parent}, not {expected}"
        raise MediaError(
            folder,
            "short",
            f"{told}; expected one a frame of the video; set fps to the frames a second in that folder",
        )
    return extracted_frames(flows + 1 + 2 * rate * max(1, images), rate, fps)[:images]


@dataclass(frozen=True)
class FlowView(FramesView):
    """Stored flow, uint8 (B, T, 2, H, W), as float32 (B, T, 2, size, size), as FramesView crops, scales and normalises frames.

    In a mirror what moves to the right moves to the left, so u of a mirrored clip becomes 255 - u. The crop of a clip is not
    that of its frames: every modality draws its own.
    """

    mean: tuple[float, ...] = (MEAN, MEAN)
    std: tuple[float, ...] = (STD, STD)

    def __call__(self, stored: Tensor, generator: Generator | None) -> Tensor:
        images, flips = self.crop_batch(stored, generator)
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
