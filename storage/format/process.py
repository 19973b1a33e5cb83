"""The identity of a process: id, start time and host, and a test that it still lives."""

from __future__ import annotations

import os
import socket

START_TOLERANCE_MS = 2_000
"""Start times are derived from the boot time, which moves a little when the clock is set."""


def this_host() -> str:
    return socket.gethostname()


def this_process() -> tuple[int, int]:
    """Return id and start time (unix milliseconds) of this process."""
    return os.getpid(), start_of(os.getpid()) or 0


def start_of(pid: int) -> int | None:
    """Return the start time of a living process in unix milliseconds; None for none or a zombie."""
    if pid <= 0:
        return None
    import psutil  # 30 ms, for nothing where a run has ended

    try:
        process = psutil.Process(pid)
        zombie = process.status() == psutil.STATUS_ZOMBIE
        return None if zombie else int(process.create_time() * 1000)
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:  # it lives, under another user
        return 0


def is_alive(pid: int, start: int) -> bool:
    """Return True while the process of this id and start time lives; a reused id does not count."""
    found = start_of(pid)
    if found is None:
        return False
    return start == 0 or found == 0 or abs(found - start) <= START_TOLERANCE_MS
