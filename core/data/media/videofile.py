"""Finds and decodes single frames of a video file, by the rule with which the field extracts frames to folders."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from torch import Tensor

from asgml.core.data.media.opening import (
    MediaError,
    decoded,
    jump,
    open_container,
    origin_of,
    prepare_stream,
    seconds_of,
)

JUMP = 5.0  # seconds: to a part that begins later a jump is quicker than decoding what comes before
REORDERED = 1.0  # seconds by which the frames of a file are at most stored out of their order
SLACK = 0.25  # of a frame, by which rounded times may miss the start of a part


@dataclass(frozen=True)
class Video:
    """What is known of (a part of) a video before it is decoded: how many frames it has, how many a second, their size."""

    frames: int
    fps: float
    height: int
    width: int


def sampled(frames: int, video_fps: float, wanted_fps: float) -> list[int]:
    """The numbers of the frames that the published extraction keeps, `wanted_fps` a second.

    In each second of int(video_fps) frames the numbers 0, interval, 2·interval, … with interval = int(video_fps / wanted_fps),
    as OGM-GE's video_preprocessing.py does. Below one a second, every interval-th frame.
    """
    second = max(int(video_fps), 1)
    interval = max(int(second / wanted_fps), 1)
    if wanted_fps < 1:
        return list(range(0, frames, interval))
    return [
        n
        for n in range(frames)
        if n % second % interval == 0 and n % second < interval * wanted_fps
    ]


def measure(path: Path, start: float = 0.0, seconds: float | None = None) -> Video:
    """Counts the frames from `start` on, within `seconds`, without decoding them: the heads of many files do not know.

    Raises MediaError where there is none, or, of a whole file, less than half of what its head promises.
    """
    with open_container(path) as container:
        stream = frames_of(container, path)
        fps = float(stream.guessed_rate or stream.average_rate or 0)
        if not fps:
            raise MediaError(
                path,
                "unreadable",
                "does not say how many frames a second it has; convert it with ffmpeg",
            )
        count = _count(container, stream, Part(start, seconds, fps, origin_of(container)))
        promised = stream.frames or int(seconds_of(container, stream) * fps)
        if not count:
            reason = f"has no frame from second {start:g} on" if start else "has no frames"
            raise MediaError(path, "short" if start else "empty", f"{reason}; expected one or more")
        if (
            not start and seconds is None and 2 * count < promised
        ):  # heads only guess, so less than half
            raise MediaError(
                path,
                "short",
                f"cut off: {count} frames where its head promises {promised}; copy or download it again",
            )
        return Video(count, fps, stream.height, stream.width)


def read_frames(path: Path, numbers: Sequence[int], fps: float, start: float = 0.0) -> list[Tensor]:
    """The frames of these numbers, which rise and are counted from `start`, as RGB: uint8 (3, H, W) each.

    Decodes up to the last of them, converts only them. Damaged frames are left out of the count, as ffmpeg and OpenCV do; where
    the video ends early the last frame stands for those that are missing. Raises MediaError where half of it is missing.
    """
    found: dict[int, Tensor] = {}
    count, last = 0, None
    wanted = set(numbers)
    with open_container(path) as container:
        for last in _from(container, path, Part(start, None, fps, origin_of(container))):
            if count in wanted:
                found[count] = _rgb(last)
            count += 1
            if count > numbers[-1]:
                break
        if last is None or 2 * count < numbers[-1] + 1:
            reason = f"only {count} frames can be decoded, {numbers[-1] + 1} were counted"
            raise MediaError(
                path, "short" if count else "unreadable", f"{reason}; copy or download it again"
            )
        end = _rgb(last) if count <= numbers[-1] else None
    return [found[n] if end is None else found.get(n, end) for n in numbers]


@dataclass(frozen=True)
class Part:
    """The part of a video that a clip is, by the times of its frames. Times count from the first of the file, in seconds."""

    start: float
    seconds: float | None
    fps: float
    origin: float

    @property
    def end(self) -> float:
        return math.inf if self.seconds is None else self.start + self.seconds - SLACK / self.fps

    def at(self, number: int, time: int | None, stream: VideoStream) -> float:
        """The second of the frame with this number in the file, and this time in the stream's units where it has one."""
        base = stream.time_base
        return (
            number / self.fps if time is None or base is None else float(time * base) - self.origin
        )

    def holds(self, second: float) -> bool:
        return (not self.start or second >= self.start - SLACK / self.fps) and second < self.end

    def jump(self, container: InputContainer, stream: VideoStream) -> None:
        """Skips most of what comes before a part that begins late."""
        if self.start > JUMP:
            jump(container, self.start - 1, stream)


def frames_of(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise MediaError(path, "empty", "has no video track; expected one")
    prepare_stream(container.streams.video[0], path)
    return container.streams.video[0]


def _count(container: InputContainer, stream: VideoStream, part: Part) -> int:
    """The frames of a part, by its packets."""
    part.jump(container, stream)
    count = 0
    for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size):
        if part.at(number, packet.dts, stream) > part.end + REORDERED:
            break
        count += part.holds(
            part.at(number, packet.dts if packet.pts is None else packet.pts, stream)
        )
    return count


def _from(container: InputContainer, path: Path, part: Part) -> Iterator[VideoFrame]:
    """The frames of a part in order."""
    stream = frames_of(container, path)
    part.jump(container, stream)
    for number, frame in enumerate(decoded(container, stream)):
        if part.holds(part.at(number, frame.pts, stream)):
            yield cast(VideoFrame, frame)


def _rgb(frame: VideoFrame) -> Tensor:
    return torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1).contiguous()
