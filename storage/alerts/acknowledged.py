"""The alerts of a run that its user has acknowledged: a file beside run.toml, one line each."""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Iterable
from pathlib import Path

from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths

FILE = "acknowledged.jsonl"
MAX_BYTES = 1 << 20
MAX_ID = 100
"""Characters of an id; a line stays far below what the system appends in one piece."""


def acknowledged_file(paths: RunPaths) -> Path:
    """Return the file, which may not be there."""
    return paths.root / FILE


def read_acknowledged(paths: RunPaths) -> frozenset[str]:
    """Return the ids of acknowledged alerts.

    A file that is damaged, too large, a link or no file counts as none: it changes no number.
    """
    try:
        content = read_bounded(acknowledged_file(paths), MAX_BYTES, follow_links=False)
    except (OSError, FormatError):
        return frozenset()
    return frozenset(id for line in content.split(b"\n") if (id := _id_of(line)))


def acknowledge(paths: RunPaths, ids: Iterable[str]) -> None:
    """Record that these alerts were seen; several may do so at once, and none is lost.

    Raise OSError where the file cannot be written, FormatError where it is full or no file.
    """
    new = sorted(set(ids) - read_acknowledged(paths))
    if not new:
        return
    lines = [json.dumps({"id": id[:MAX_ID], "time": round(time.time(), 3)}) for id in new]
    handle = os.open(
        acknowledged_file(paths),
        os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC,
        0o644,
    )
    with os.fdopen(handle, "r+b", buffering=0) as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise FormatError(f"{FILE} is no regular file")
        size = status.st_size
        if size > MAX_BYTES // 2:
            raise FormatError(f"{FILE} holds {size} bytes; remove it to begin again")
        # a line that another program left unfinished must not swallow the first of these
        whole = not size or os.pread(handle, 1, size - 1) == b"\n"
        file.write(("" if whole else "\n").encode() + "".join(f"{one}\n" for one in lines).encode())


def _id_of(line: bytes) -> str:
    with contextlib.suppress(ValueError, RecursionError):
        record = json.loads(line)
        id = record.get("id") if isinstance(record, dict) else None
        return id if isinstance(id, str) and len(id) <= MAX_ID else ""
    return ""
