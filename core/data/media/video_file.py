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

from asgml.core.data.media.container import (
    decode_frames,
    duration_of,
    open_container,
    prepare_stream,
    seek_before,
    start_offset,
)
from asgml.core.data.media.media_file import MediaError

JUMP = 5.0  # seconds: to a part that begins later a jump is quicker than decoding what comes before
REORDERED = 1.0  # seconds by which the frames of a file are at most stored out of their order
SLACK = 0.25  # of a frame, by which rounded times may miss the start of a part


@dataclass(frozen=True)
class VideoInfo:
    """What is known of (a part of) a video before it is decoded: how many frames it has, how many a second, their size."""

    frames: int
    fps: float
    height: int
    width: int


def read_video_info(path: Path, start: float = 0.0, seconds: float | None = None) -> VideoInfo:
    """Counts the frames from `start` on, within `seconds`, without decoding them: the heads of many files do not know.

    Raises MediaError where there is none, or, of a whole file, less than half of what its head promises.
    """
    with open_container(path) as container:
        stream = video_stream(container, path)
        fps = float(stream.guessed_rate or stream.average_rate or 0)
        if not fps:
            raise MediaError(
                path,
                "unreadable",
                "does not say how many frames a second it has; convert it with ffmpeg",
            )
        count = _count_frames(
            container, stream, TimeSpan(start, seconds, fps, start_offset(container))
        )
        promised = stream.frames or int(duration_of(container, stream) * fps)
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
        return VideoInfo(count, fps, stream.height, stream.width)


def read_frames(path: Path, numbers: Sequence[int], fps: float, start: float = 0.0) -> list[Tensor]:
    """The frames of these numbers, which rise and are counted from `start`, as RGB: uint8 (3, H, W) each.

    Decodes up to the last of them, converts only them. Damaged frames are left out of the count, as ffmpeg and OpenCV do; where
    the video ends early the last frame stands for those that are missing. Raises MediaError where half of it is missing.
    """
    found: dict[int, Tensor] = {}
    count, last = 0, None
    wanted = set(numbers)
    with open_container(path) as container:
        for last in _decode_span(
            container, path, TimeSpan(start, None, fps, start_offset(container))
        ):
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
class TimeSpan:
    """The part of a video that a clip is, by the times of its frames. Times count from the first of the file, in seconds."""

    start: float
    seconds: float | None
    fps: float
    origin: float

    @property
    def end(self) -> float:
        return math.inf if self.seconds is None else self.start + self.seconds - SLACK / self.fps

    def second_of(self, number: int, time: int | None, stream: VideoStream) -> float:
        """The second of the frame with this number in the file, and this time in the stream's units where it has one."""
        base = stream.time_base
        return (
            number / self.fps if time is None or base is None else float(time * base) - self.origin
        )

    def contains(self, second: float) -> bool:
        return (not self.start or second >= self.start - SLACK / self.fps) and second < self.end

    def seek(self, container: InputContainer, stream: VideoStream) -> None:
        """Skips most of what comes before a part that begins late."""
        if self.start > JUMP:
            seek_before(container, self.start - 1, stream)


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise MediaError(path, "empty", "has no video track; expected one")
    prepare_stream(container.streams.video[0], path)
    return container.streams.video[0]


def _count_frames(container: InputContainer, stream: VideoStream, span: TimeSpan) -> int:
    """The frames of a span, by its packets."""
    span.seek(container, stream)
    count = 0
    for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size):
        if span.second_of(number, packet.dts, stream) > span.end + REORDERED:
            break
        count += span.contains(
            span.second_of(number, packet.dts if packet.pts is None else packet.pts, stream)
        )
    return count


def _decode_span(container: InputContainer, path: Path, span: TimeSpan) -> Iterator[VideoFrame]:
    """The frames of a span in order."""
    stream = video_stream(container, path)
    span.seek(container, stream)
    for number, frame in enumerate(decode_frames(container, stream)):
        if span.contains(span.second_of(number, frame.pts, stream)):
            yield cast(VideoFrame, frame)


def _rgb(frame: VideoFrame) -> Tensor:
    return torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1).contiguous()
