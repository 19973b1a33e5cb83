"""Sound, video and image files before they are decoded, and the error for an unusable one."""

from __future__ import annotations

from pathlib import Path

from asgml.core.data.base import DataError
from asgml.core.data.error_text import error_reason, escape_unprintable

# Begins the text that Git LFS leaves in place of a file it has not fetched.
LFS = b"version https://git-lfs"


class MediaError(DataError):
    """An unusable file.

    `kind` is missing, empty, unreadable, short or silent; `reason` does not name the file.
    """

    def __init__(self, path: Path, kind: str, reason: str) -> None:
        # The arguments themselves, not the message: errors are pickled between processes.
        super().__init__(path, kind, reason)
        self.path = path
        self.kind = kind
        self.reason = reason

    def __str__(self) -> str:
        return f"{escape_unprintable(str(self.path))}: {self.reason}"


def check_file(path: Path) -> int:
    """Return a file's size in bytes. Raise MediaError where it is missing, empty or no file."""
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise MediaError(path, "missing", "no such file") from error
    except (OSError, ValueError) as error:  # no permission, a name that is too long or holds a NUL
        raise MediaError(path, "unreadable", f"cannot be opened ({error_reason(error)})") from error
    if not path.is_file():
        raise MediaError(path, "unreadable", "is not a file; expected one clip")
    if not size:
        raise MediaError(path, "empty", "the file is empty (0 bytes); copy or download it again")
    return size


def unreadable(path: Path, content: str, error: Exception) -> MediaError:
    """Return the error for a file that its library refused to read as `content`.

    A pointer of Git LFS, as in a fresh clone of CREMA-D, is recognised and named.
    """
    try:
        with path.open("rb") as file:
            is_pointer = file.read(len(LFS)) == LFS
    except OSError as reason:
        return MediaError(path, "unreadable", f"cannot be opened ({error_reason(reason)})")
    if is_pointer:
        advice = "run `git lfs pull` in its repository"
        return MediaError(
            path, "missing", f"a pointer of Git LFS stands here, not the file; {advice}"
        )
    refusal = f"cannot be read as {content} ({error_reason(error)})"
    return MediaError(path, "unreadable", f"{refusal}; copy or download it again")
