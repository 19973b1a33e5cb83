"""Media containers such as mp4: opened, seeked and decoded with ffmpeg."""

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

# Read by ffmpeg; libsndfile reads the sound of every other file.
VIDEO_SUFFIXES = ".mp4 .m4v .mov .avi .flv .mkv .webm .wmv .mpg .mpeg .3gp .ts"
SOUND_SUFFIXES = ".m4a .aac .wma"
CONTAINERS = frozenset(f"{VIDEO_SUFFIXES} {SOUND_SUFFIXES}".split())


def is_container(path: Path) -> bool:
    return path.suffix.lower() in CONTAINERS


@contextmanager
def open_container(path: Path) -> Iterator[InputContainer]:
    """Open a file with ffmpeg; errors of reading and decoding in the block become MediaError."""
    check_file(path)
    try:
        # The path is absolute: ffmpeg takes "a:b.mp4" for a network address.
        with av.open(str(path.absolute()), metadata_errors="replace") as container:
            yield container
    except av.FFmpegError as error:
        raise unreadable(path, "sound or video", error) from error


def start_offset(container: InputContainer) -> float:
    """Return the time stamp, in seconds, of the beginning: not 0 in every file."""
    return (container.start_time or 0) / av.time_base


def seek_before(container: InputContainer, second: float, stream: Stream) -> None:
    """Go to a key frame at or before a second.

    A file that cannot seek stays at its beginning, which is slow but not wrong.
    """
    ticks = int((start_offset(container) + second) / (stream.time_base or 1))
    with suppress(av.FFmpegError):
        container.seek(ticks, stream=stream)


def duration_of(container: InputContainer, stream: Stream) -> float:
    """Return the seconds that the header gives for a stream, else for the file; 0 where unknown."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


def prepare_stream(stream: Stream, path: Path) -> None:
    """Set up a stream for decoding. Raise MediaError where ffmpeg has no decoder for it."""
    if cast(object, stream.codec_context) is None:
        reason = f"its {stream.type} has a coding that ffmpeg does not know"
        raise MediaError(path, "unreadable", f"{reason}; convert it with ffmpeg")
    stream.codec_context.thread_count = 1  # the other cores decode other clips


def decode_frames(container: InputContainer, stream: Stream) -> Iterator[Frame]:
    """Yield the frames of a stream without damaged packets, which ffmpeg's own tools drop too.

    Raise av.InvalidDataError where no frame is left.
    """
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
