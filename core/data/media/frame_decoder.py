"""Frames as a modality: some images of a clip, from a folder of extracted frames or its video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asgml.core.data.clips.clips import Modality, Source
from asgml.core.data.media.container import is_container
from asgml.core.data.media.frame_choice import CHOICES, choose_frames, extracted_frames
from asgml.core.data.media.images import image_size, read_image, scale
from asgml.core.data.media.media_file import MediaError
from asgml.core.data.media.video_file import VideoInfo, read_frames, read_video_info
from asgml.core.data.media.views import FramesView
from asgml.core.data.options import check_choice, check_number, check_whole


@dataclass(frozen=True)
class FrameDecoder:
    """Decoder of `frames` images of a clip to uint8 (frames, 3, H, W), each squashed to `size`.

    `size` is (height, width). The images are chosen by frame_choice.choose_frames among those of
    the source or, where it is a video, among the `fps` frames a second that the published
    extraction would have written to a folder. Images have no times: the source of a clip that is an
    interval of its video lists the images of that interval.
    """

    frames: int
    choice: str
    size: tuple[int, int]
    fps: float = 1.0

    def __post_init__(self) -> None:
        check_whole("frames", self.frames, 1, 4096)
        check_choice("choice", self.choice, CHOICES)
        check_number("fps", self.fps, 0.01, 1000)
        for side in self.size:
            check_whole("frame_size", side, 1, 8192)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.frames, 3, *self.size)

    @property
    def dtype(self) -> torch.dtype:
        return torch.uint8

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "frames": self.frames,
            "choice": self.choice,
            "size": list(self.size),
            "fps": float(self.fps),
            "scaling": "bilinear, antialiased",
        }

    def decode(self, source: Source, clip: str) -> Tensor:
        """Return (*shape) uint8. Raise DataError that names the file."""
        check_source(source, clip)
        if is_video(source):
            images = self._read_from_video(source, clip)
            return torch.stack([scale(image, self.size) for image in images])
        numbers = choose_frames(len(source.paths), self.frames, self.choice, clip)
        paths = [source.paths[i] for i in numbers]
        # A clip with too few frames repeats some: each is decoded once.
        scaled = {path: scale(read_image(path), self.size) for path in dict.fromkeys(paths)}
        return torch.stack([scaled[path] for path in paths])

    def _read_from_video(self, source: Source, clip: str) -> list[Tensor]:
        video = _video_info(source)
        candidates = extracted_frames(video.frames, video.fps, self.fps)
        chosen = choose_frames(len(candidates), self.frames, self.choice, clip)
        numbers = [candidates[i] for i in chosen]
        return read_frames(source.paths[0], numbers, video.fps, source.start)


def frame_modality(
    frames: int,
    choice: str,
    size: tuple[int, int],
    crop: int = 224,
    augment: str = "clip",
    fps: float = 1.0,
) -> Modality:
    """Return the modality of `frames` images stored at `size`, seen as (frames, 3, crop, crop)."""
    decoder = FrameDecoder(frames, choice, size, fps)
    return Modality(decoder, (frames, 3, crop, crop), FramesView(crop, augment))


def frame_fault(source: Source) -> tuple[str, str] | None:
    """Return the kind and the reason of a fault in the frames of a clip, None where there is none.

    The kinds are missing, empty, unreadable and short. Every image, or the whole video, is decoded.
    """
    try:
        check_source(source, "the clip")
        if is_video(source):
            video = _video_info(source)
            read_frames(source.paths[0], [0, video.frames - 1], video.fps, source.start)
            return None
        for path in source.paths:
            read_image(path)
    except MediaError as error:
        if len(source.paths) < 2:
            return error.kind, error.reason
        return error.kind, f"{error.path.name}: {error.reason}"
    return None


def frame_facts(source: Source) -> dict[str, Any]:
    """Return the number of frames, height and width of the first, of a video also fps and seconds.

    Raise DataError.
    """
    check_source(source, "the clip")
    if is_video(source):
        video = _video_info(source)
        return {
            "frames": video.frames,
            "height": video.height,
            "width": video.width,
            "fps": video.fps,
            "seconds": video.frames / video.fps,
        }
    height, width = image_size(source.paths[0])
    return {"frames": len(source.paths), "height": height, "width": width}


def is_video(source: Source) -> bool:
    return len(source.paths) == 1 and is_container(source.paths[0])


def check_source(source: Source, clip: str) -> None:
    """Raise MediaError where there is nothing to decode."""
    if not source.paths:
        raise MediaError(Path(clip), "empty", "has no images; expected one or more in its folder")


def _video_info(source: Source) -> VideoInfo:
    return read_video_info(source.paths[0], source.start, source.seconds)
