"""Finds and decodes single frames of a video file, by the rule with which the field extracts frames to folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from torch import Tensor

from core.data.media import MediaError, decoded, open_container, origin_of, prepare_stream, seconds_of

JUMP = 5.0  # seconds: to a part that begins later a jump is quicker than decoding what comes before
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
    return [n for n in range(frames) if n % second % interval == 0 and n % second < interval * wanted_fps]


def measure(path: Path, start: float = 0.0, seconds: float | None = None) -> Video:
    """Counts the frames from `start` on, within `seconds`, without decoding them: the heads of many files do not know.

    Raises MediaError where there is none, or less than half of what the head of the file promises.
    """
    with open_container(path) as container:
        stream = frames_of(container, path)
        fps = float(stream.guessed_rate or stream.average_rate or 0)
        if not fps:
            raise MediaError(path, "unreadable", "does not say how many frames a second it has; convert it with ffmpeg")
        part = Part(start, seconds, fps, origin_of(container))
        times = [packet.dts if packet.pts is None else packet.pts for packet in container.demux(stream) if packet.size]
        inside = sum(part.holds(number, time, stream) for number, time in enumerate(times))
        promised = stream.frames or int(seconds_of(container, stream) * fps)
        if 2 * len(times) < promised:  # heads only guess, so less than half
            raise MediaError(path, "short", f"cut off: {len(times)} frames where its head promises {promised}; copy or download it again")
        if not inside:
            reason = f"has no frame from second {start:g} on" if times else "has no frames"
            raise MediaError(path, "short" if times else "empty", f"{reason}; expected one or more")
        return Video(inside, fps, stream.height, stream.width)


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
            raise MediaError(path, "short" if count else "unreadable", f"{reason}; copy or download it again")
        end = _rgb(last) if count <= numbers[-1] else None
    return [found[n] if end is None else found.get(n, end) for n in numbers]


@dataclass(frozen=True)
class Part:
    """The part of a video that a clip is, by the times of its frames. Times count from the first of the file, in seconds."""

    start: float
    seconds: float | None
    fps: float
    origin: float

    def holds(self, number: int, time: int | None, stream: VideoStream) -> bool:
        """Whether the frame with this number in the file, and this time in the stream's units, lies in the part."""
        base = stream.time_base
        at = number / self.fps if time is None or base is None else float(time * base) - self.origin
        slack = SLACK / self.fps
        return (not self.start or at >= self.start - slack) and (self.seconds is None or at < self.start + self.seconds - slack)


def frames_of(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise MediaError(path, "empty", "has no video track; expected one")
    prepare_stream(container.streams.video[0], path)
    return container.streams.video[0]


def _from(container: InputContainer, path: Path, part: Part) -> Iterator[VideoFrame]:
    """The frames of a part in order. Jumps to shortly before it where it begins late."""
    stream = frames_of(container, path)
    if part.start > JUMP and stream.time_base:
        container.seek(int((part.origin + part.start - 1) / stream.time_base), stream=stream)
    for number, frame in enumerate(decoded(container, stream)):
        if part.holds(number, frame.pts, stream):
            yield cast(VideoFrame, frame)


def _rgb(frame: VideoFrame) -> Tensor:
    return torch.from_numpy(frame.to_ndarray(format="rgb24")).permute(2, 0, 1).contiguous()
