"""Who writes a run: process id, start time and host, and whether that process still lives."""

from __future__ import annotations

import os
import socket

import psutil

START_TOLERANCE_MS = 2_000
"""Start times are computed from the boot time, which moves a little when the clock is set."""


def this_host() -> str:
    return socket.gethostname()


def this_process() -> tuple[int, int]:
    """Process id and start time (unix milliseconds) of this process."""
    return os.getpid(), start_of(os.getpid()) or 0


def start_of(pid: int) -> int | None:
    """Start time of a living process in unix milliseconds; None where there is none, or only its remains (a zombie)."""
    if pid <= 0:
        return None
    try:
        process = psutil.Process(pid)
        return (
            None if process.status() == psutil.STATUS_ZOMBIE else int(process.create_time() * 1000)
        )
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:  # it is there, but tells us nothing
        return 0


def is_alive(pid: int, start: int) -> bool:
    """True if the process that had this id and start time still lives. An id that was given to another process is told apart."""
    found = start_of(pid)
    if found is None:
        return False
    return start == 0 or found == 0 or abs(found - start) <= START_TOLERANCE_MS
