"""Bounded reading of a run's small files: a pipe, a device or a huge file is refused, not read."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

from asgml.storage.format.errors import FormatError
from asgml.storage.format.scan import STORE
from asgml.storage.format.user_path import why

MAX_METADATA_BYTES = 4 << 20
"""Most bytes of a JSON or TOML file in a run: a manifest has about 50 kB."""
MAX_CHUNK_BYTES = 256 << 20
"""Most bytes of a chunk, as a file and in memory: the chunks of this program have below 1 MB."""


def read_bounded(
    path: Path | str, limit: int = MAX_METADATA_BYTES, *, follow_links: bool = True
) -> bytes:
    """Return the content of a file.

    Raise FormatError for anything but a regular file of at most `limit` bytes, also for a link
    where `follow_links` is False; OSError where there is none or it cannot be opened.
    """
    no_links = 0 if follow_links else os.O_NOFOLLOW
    try:
        # without O_NONBLOCK, opening a pipe waits for its other end
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | no_links)
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise FormatError(f"{_shown(path)} is no regular file") from None
        if error.errno == errno.ELOOP and not follow_links:
            raise FormatError(f"{_shown(path)} is a link, expected a regular file") from None
        raise
    try:
        status = os.fstat(handle)
        _refuse(status, path, limit)
        content = _read_all(handle, status.st_size, limit + 1)
    finally:
        os.close(handle)
    if len(content) > limit:  # it grew since
        raise _too_large(path, len(content), limit)
    return content


def _read_all(handle: int, size: int, most: int) -> bytes:
    """Return the bytes of an open file, at most `most`; no more memory is taken than it has."""
    pieces: list[bytes] = []
    while most > 0 and (piece := os.read(handle, min(most, size + 1))):
        pieces.append(piece)
        most -= len(piece)
        size = max(size - len(piece), 1 << 16)
    return b"".join(pieces)


def refuse_unbounded(path: Path, limit: int) -> None:
    """Raise FormatError for a path that `read_bounded` would refuse; nothing at all is fine."""
    try:
        status = os.stat(path)
    except OSError:
        return
    if not stat.S_ISDIR(status.st_mode):
        _refuse(status, path, limit)


def read_json_object(path: Path, *, follow_links: bool = True) -> dict[str, Any]:
    """Return the JSON object in a file. Raise FormatError for none, OSError as `read_bounded`."""
    content = read_bounded(path, follow_links=follow_links)
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{_shown(path)} is no JSON ({why(error)})") from None
    if not isinstance(record, dict):
        raise FormatError(f"{_shown(path)} holds no JSON object")
    return record


def _refuse(status: os.stat_result, path: Path | str, limit: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FormatError(f"{_shown(path)} is no regular file")
    if status.st_size > limit:
        raise _too_large(path, status.st_size, limit)


def _too_large(path: Path | str, size: int, limit: int) -> FormatError:
    return FormatError(f"{_shown(path)} holds {size} bytes, expected at most {limit}")


def _shown(path: Path | str) -> str:
    """Return the path relative to the run: the run itself is named by whoever shows the error."""
    parts = Path(path).parts
    return "/".join(parts[parts.index(STORE) :]) if STORE in parts else parts[-1]
