"""Single frames of a video file, found by their numbers and decoded."""

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

# Seconds: to an interval that begins later a seek is quicker than decoding what comes before.
SEEK_FROM = 5.0
REORDERING = 1.0  # seconds by which the frames of a file are at most stored out of their order
SLACK = 0.25  # of a frame, by which rounded times may miss the start of an interval
ADVICE = "copy or download it again"


@dataclass(frozen=True)
class VideoInfo:
    """Number of frames in (an interval of) a video, frames a second, and size in pixels."""

    frames: int
    fps: float
    height: int
    width: int


@dataclass(frozen=True)
class Interval:
    """The interval of a video that a clip is, in seconds from the file's first frame."""

    start: float
    seconds: float | None
    fps: float
    origin: float

    @property
    def end(self) -> float:
        return math.inf if self.seconds is None else self.start + self.seconds - SLACK / self.fps

    def second_of(self, number: int, time: int | None, stream: VideoStream) -> float:
        """Return the second of a frame by its time in the stream's units, else by its number."""
        unit = stream.time_base
        if time is None or unit is None:
            return number / self.fps
        return float(time * unit) - self.origin

    def contains(self, second: float) -> bool:
        return (not self.start or second >= self.start - SLACK / self.fps) and second < self.end

    def seek(self, container: InputContainer, stream: VideoStream) -> None:
        """Skip most of what comes before an interval that begins late."""
        if self.start > SEEK_FROM:
            seek_before(container, self.start - 1, stream)


def read_video_info(path: Path, start: float = 0.0, seconds: float | None = None) -> VideoInfo:
    """Count the frames from `start` on, within `seconds`, without decoding them.

    The packets are counted, since the headers of many files do not give the number of frames. Raise
    MediaError where there is none or, of a whole file, less than half of what its header promises.
    """
    with open_container(path) as container:
        stream = _video_stream(container, path)
        fps = float(stream.guessed_rate or stream.average_rate or 0)
        if not fps:
            reason = "does not say how many frames a second it has; convert it with ffmpeg"
            raise MediaError(path, "unreadable", reason)
        interval = Interval(start, seconds, fps, start_offset(container))
        count = _count_frames(container, stream, interval)
        promised = stream.frames or int(duration_of(container, stream) * fps)
        if not count:
            reason = f"has no frame from second {start:g} on" if start else "has no frames"
            raise MediaError(path, "short" if start else "empty", f"{reason}; expected one or more")
        # Headers only estimate the number of frames, so only less than half counts as cut off.
        if not start and seconds is None and 2 * count < promised:
            reason = f"cut off: {count} frames where its head promises {promised}"
            raise MediaError(path, "short", f"{reason}; {ADVICE}")
        return VideoInfo(count, fps, stream.height, stream.width)


def read_frames(path: Path, numbers: Sequence[int], fps: float, start: float = 0.0) -> list[Tensor]:
    """Return the frames of these ascending numbers, counted from `start`: uint8 (3, H, W) RGB each.

    Decode up to the last of them, convert only them. Damaged frames are not counted, as in ffmpeg
    and OpenCV; where the video ends early its last frame stands for the missing ones. Raise
    MediaError where less than half of the frames can be decoded.
    """
    images: dict[int, Tensor] = {}
    count, last = 0, None
    wanted = set(numbers)
    with open_container(path) as container:
        interval = Interval(start, None, fps, start_offset(container))
        for last in _decode_interval(container, path, interval):
            if count in wanted:
                images[count] = _to_rgb(last)
            count += 1
            if count > numbers[-1]:
                break
        if last is None or 2 * count < numbers[-1] + 1:
            reason = f"only {count} frames can be decoded, {numbers[-1] + 1} were counted"
            raise MediaError(path, "short" if count else "unreadable", f"{reason}; {ADVICE}")
        end = _to_rgb(last) if count <= numbers[-1] else None
    return [images[n] if end is None else images.get(n, end) for n in numbers]


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise MediaError(path, "empty", "has no video track; expected one")
    prepare_stream(container.streams.video[0], path)
    return container.streams.video[0]


def _count_frames(container: InputContainer, stream: VideoStream, interval: Interval) -> int:
    """Count the frames of an interval by its packets."""
    interval.seek(container, stream)
    count = 0
    for number, packet in enumerate(packet for packet in container.demux(stream) if packet.size):
        if interval.second_of(number, packet.dts, stream) > interval.end + REORDERING:
            break
        shown_at = packet.dts if packet.pts is None else packet.pts
        count += interval.contains(interval.second_of(number, shown_at, stream))
    return count


def _decode_interval(
    container: InputContainer, path: Path, interval: Interval
) -> Iterator[VideoFrame]:
    """Yield the frames of an interval in order."""
    stream = _video_stream(container, path)
    interval.seek(container, stream)
    for number, frame in enumerate(decode_frames(container, stream)):
        if interval.contains(interval.second_of(number, frame.pts, stream)):
            yield cast(VideoFrame, frame)


def _to_rgb(frame: VideoFrame) -> Tensor:
    return torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1).contiguous()
