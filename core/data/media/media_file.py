"""Opens sound, video and image files, and says in one line what is wrong with one that cannot be used."""

from __future__ import annotations

from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.error_text import one_line, printable

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
