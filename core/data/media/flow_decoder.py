"""Optical flow as a modality: how far each point moves until the next frame, from stored images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asgml.core.data.clips.clips import Modality, Source
from asgml.core.data.media.container import is_container
from asgml.core.data.media.flow_files import find_pairs, list_images
from asgml.core.data.media.frame_choice import choose_frames, extracted_frames
from asgml.core.data.media.frame_decoder import FrameDecoder
from asgml.core.data.media.images import image_size, read_image, scale
from asgml.core.data.media.media_file import MediaError
from asgml.core.data.media.video_file import read_video_info
from asgml.core.data.media.views import FlowView

VIDEO_RATES = (25, 29)  # whole frames a second of UCF-101's videos
# Images of flow for each frame of the video: extractions leave out the last or a damaged frame.
MIN_FLOWS, MAX_FLOWS = 0.9, 1.1


@dataclass(frozen=True)
class FlowDecoder:
    """Decoder of `frames` moments of a clip to uint8 (frames, 2, H, W), each squashed to `size`.

    The channels are u (to the right) and v (down); their values are not scaled with the image. A
    source has the first image of u, the first of v and, where there is one, the video or the first
    image of the clip's frames. The other images lie beside these, one for every frame of the video.
    The moments are those that a FrameDecoder with the same settings shows; where there are no
    frames, they are chosen among the images of flow.
    """

    frames: int
    choice: str
    size: tuple[int, int]
    fps: float = 1.0

    def __post_init__(self) -> None:
        _ = self.frame_decoder  # checks the settings

    @property
    def frame_decoder(self) -> FrameDecoder:
        """The decoder of the frames at the same moments."""
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
        """Return (*shape) uint8. Raise DataError that names the file."""
        pairs = find_pairs(source)
        numbers = self.choose_moments(source, len(pairs), clip)
        decoded = {number: self._read_pair(pairs[number]) for number in dict.fromkeys(numbers)}
        return torch.stack([decoded[number] for number in numbers])

    def choose_moments(self, source: Source, flows: int, clip: str) -> list[int]:
        """Return the numbers of the images to show, among `flows` images a direction."""
        if len(source.paths) < 3:
            return choose_frames(flows, self.frames, self.choice, clip)
        candidates = candidate_frames(source.paths[2], source.paths[0].parent, flows, self.fps)
        chosen = choose_frames(len(candidates), self.frames, self.choice, clip)
        return [min(candidates[i], flows - 1) for i in chosen]

    def _read_pair(self, pair: tuple[Path, Path]) -> Tensor:
        return torch.cat([scale(read_image(path)[:1], self.size) for path in pair])


def candidate_frames(reference: Path, folder: Path, flows: int, fps: float) -> list[int]:
    """Return the number in the video of every frame that a FrameDecoder chooses from.

    `reference` is the video itself, or the first of its extracted images, `fps` a second. Raise
    MediaError where the `flows` images in `folder` cannot stand for every frame of the video.
    """
    if is_container(reference):
        video = read_video_info(reference)
        if not MIN_FLOWS <= (flows + 1) / video.frames <= MAX_FLOWS:
            counts = f"{flows} images of flow, but {video.frames} frames in {reference.name}"
            raise MediaError(folder, "short", f"{counts}; expected one a frame")
        return extracted_frames(video.frames, video.fps, fps)
    images = len(list_images(reference.parent))
    # The video is not there, so its rate is the one that best explains the number of its images.
    rate = min(
        VIDEO_RATES, key=lambda rate: abs(len(extracted_frames(flows + 1, rate, fps)) - images)
    )
    expected = len(extracted_frames(flows + 1, rate, fps))
    if abs(expected - images) > max(1, images // 10):
        counts = f"{flows} images of flow, but {images} frames in {reference.parent}"
        advice = "expected one a frame of the video; set fps to the frames a second in that folder"
        raise MediaError(folder, "short", f"{counts}, not {expected}; {advice}")
    # Longer than the video by far, so that there is a frame for every image.
    return extracted_frames(flows + 1 + 2 * rate * max(1, images), rate, fps)[:images]


def flow_modality(
    frames: int,
    choice: str,
    size: tuple[int, int],
    crop: int = 224,
    augment: str = "clip",
    fps: float = 1.0,
) -> Modality:
    """Return the modality of `frames` moments stored at `size`, seen as (frames, 2, crop, crop)."""
    decoder = FlowDecoder(frames, choice, size, fps)
    return Modality(decoder, (frames, 2, crop, crop), FlowView(crop, augment))


def check_flow(source: Source) -> None:
    """Decode every image of a clip's flow.

    Raise MediaError, which names the first that is missing, empty or unreadable.
    """
    for pair in find_pairs(source):
        for path in pair:
            read_image(path)


def flow_facts(source: Source) -> dict[str, Any]:
    """Return the number of images a direction, height and width of the first. Raise DataError."""
    pairs = find_pairs(source)
    height, width = image_size(pairs[0][0])
    return {"frames": len(pairs), "height": height, "width": width}
