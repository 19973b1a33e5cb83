"""Opens sound, video and image files, and says in one line what is wrong with one that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.frame import Frame
from av.stream import Stream

from asgml.core.data.base import DataError

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
LFS = b"version https://git-lfs"  # how the text begins that stands for a file where Git LFS has not fetched it


class MediaError(DataError):
    """A file that cannot be used. `kind` is missing, empty, unreadable, short or silent; `reason` does not name the file."""

    def __init__(self, path: Path, kind: str, reason: str) -> None:
        super().__init__(
            path, kind, reason
        )  # the arguments themselves: errors are pickled on their way between processes
        self.path = path
        self.kind = kind
        self.reason = reason

    def __str__(self) -> str:
        return f"{printable(str(self.path))}: {self.reason}"


def is_container(path: Path) -> bool:
    return path.suffix.lower() in CONTAINERS


def check_file(path: Path) -> int:
    """The size of a file in bytes, which is there and not empty. Raises MediaError."""
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise MediaError(path, "missing", "no such file") from error
    except (OSError, ValueError) as error:  # no permission, a name that is too long or holds a NUL
        raise MediaError(path, "unreadable", f"cannot be opened ({one_line(error)})") from error
    if not path.is_file():
        raise MediaError(path, "unreadable", "is not a file; expected one clip")
    if not size:
        raise MediaError(path, "empty", "the file is empty (0 bytes); copy or download it again")
    return size


def unreadable(path: Path, what: str, error: Exception) -> MediaError:
    """The error for a file that its library refused. A pointer of Git LFS, as in a fresh clone of CREMA-D, is named."""
    try:
        with path.open("rb") as file:
            pointer = file.read(len(LFS)) == LFS
    except OSError as reason:
        return MediaError(path, "unreadable", f"cannot be opened ({one_line(reason)})")
    if pointer:
        return MediaError(
            path,
            "missing",
            "a pointer of Git LFS stands here, not the file; run `git lfs pull` in its repository",
        )
    return MediaError(
        path,
        "unreadable",
        f"cannot be read as {what} ({one_line(error)}); copy or download it again",
    )


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


def origin_of(container: InputContainer) -> float:
    """The time that counts as the beginning, in seconds: not 0 in every file."""
    return (container.start_time or 0) / av.time_base


def jump(container: InputContainer, second: float, stream: Stream) -> None:
    """Goes to a key frame at or before this second. A file that cannot jump stays at its beginning, which is slow, not wrong."""
    with suppress(av.FFmpegError):
        container.seek(
            int((origin_of(container) + second) / (stream.time_base or 1)), stream=stream
        )


def seconds_of(container: InputContainer, stream: Stream) -> float:
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


def decoded(container: InputContainer, stream: Stream) -> Iterator[Frame]:
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


def one_line(error: Exception) -> str:
    """The first line of an error's text, which may hold names that are not ours; its kind where it has none."""
    text = (
        getattr(error, "strerror", None)
        or getattr(error, "error_string", None)
        or str(error).strip()
        or type(error).__name__
    )
    return printable(str(text).partition("\n")[0])[:200]


def printable(text: str) -> str:
    """The text with line breaks and control characters, which the name of a file may hold, written out."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
