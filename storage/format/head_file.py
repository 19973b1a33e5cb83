"""The head as it lies on disk, read with neither zarr nor numpy: 256 bytes, or nothing."""

from __future__ import annotations

import os

from asgml.storage.format.scan import STORE
from asgml.storage.format.status import HEAD_KEY, HEAD_SLOTS, Head, head_from_slots

HEAD_BYTES = 8 * HEAD_SLOTS


def head_bytes(root: str) -> bytes:
    """Return the head of the run in a directory, b"" where there is none.

    At most one byte more than a head has is read.
    """
    try:
        # without O_NONBLOCK, opening a pipe waits for its other end
        handle = os.open(f"{root}/{STORE}/{HEAD_KEY}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return b""
    try:
        return os.read(handle, HEAD_BYTES + 1)
    except OSError:
        return b""
    finally:
        os.close(handle)


def head_of(content: bytes) -> Head | None:
    """Return the head of these bytes, None where they are no head that this version knows."""
    if len(content) != HEAD_BYTES or content == b"\xff" * HEAD_BYTES:  # as one never written
        return None
    try:
        return head_from_slots(memoryview(content).cast("q").tolist())
    except ValueError:
        return None
