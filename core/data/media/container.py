"""Opens containers of sound and video with ffmpeg."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.frame import Frame
from av.stream import Stream

from asgml.core.data.media.media_file import MediaError, check_file, unreadable

# What is read by ffmpeg. Sound in any other file is read by libsndfile.
CONTAINERS = frozenset(
    {
        ".mp4",
        ".m4v",
        ".m4a",
        ".mov",
        ".avi",
        ".flv",
        ".mkv",
        ".webm",
        ".wmv",
        ".mpg",
        ".mpeg",
        ".3gp",
        ".ts",
        ".aac",
        ".wma",
    }
)


def is_container(path: Path) -> bool:
    return path.suffix.lower() in CONTAINERS


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """The file opened by ffmpeg; errors of reading and decoding inside the block become MediaError too."""
    check_file(path)
    try:
        with av.open(
            str(path.absolute()), metadata_errors="replace"
        ) as container:  # absolute: "a:b.mp4" is no network address
            yield container
    except av.FFmpegError as error:
        raise unreadable(path, "sound or video", error) from error


def start_offset(container: InputContainer) -> float:
    """The time that counts as the beginning, in seconds: not 0 in every file."""
    return (container.start_time or 0) / av.time_base


def seek_before(container: InputContainer, second: float, stream: Stream) -> None:
    """Goes to a key frame at or before this second. A file that cannot seek_before stays at its beginning, which is slow, not wrong."""
    with suppress(av.FFmpegError):
        container.seek(
            int((start_offset(container) + second) / (stream.time_base or 1)), stream=stream
        )


def duration_of(container: InputContainer, stream: Stream) -> float:
    """How long a stream lasts by the head of its file, or the whole file, where nothing is said of the stream; 0 for unknown."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def prepare_stream(stream: Stream, path: Path) -> None:
    """Raises MediaError where nothing can decode it. One thread: other clips are read by other processes."""
    if cast(object, stream.codec_context) is None:
        raise MediaError(
            path,
            "unreadable",
            f"its {stream.type} has a coding that ffmpeg does not know; convert it with ffmpeg",
        )
    stream.codec_context.thread_count = 1


def decode_frames(container: InputContainer, stream: Stream) -> Iterator[Frame]:
    """The frames of a stream. A damaged packet is left out, as ffmpeg does; raises where that leaves nothing."""
    damage: av.FFmpegError | None = None
    count = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.InvalidDataError as error:
            damage = damage or error
            continue
        for frame in frames:
            count += 1
            yield cast(Frame, frame)
    if damage and not count:
        raise damage
