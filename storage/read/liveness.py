"""What a reader concludes about the trainer from the head, the clock and the list of processes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.lock_owner import read_owner
from asgml.storage.format.process import is_alive, this_host
from asgml.storage.format.status import Head

QUIET_SECONDS = 2.5
"""The heartbeat comes every second; after this long without one, the process itself is looked for."""
STALE_SECONDS = 10.0
STALE_STEPS = 5
LAUNCH_SECONDS = 10.0
"""Between writing a run's configuration and starting its process."""


@dataclass(frozen=True)
class Launch:
    """Content of launch.json: the process that was started to train this run. `process_start` in unix milliseconds."""

    pid: int
    process_start: int
    host: str

    @property
    def alive(self) -> bool:
        return self.host == this_host() and is_alive(self.pid, self.process_start)


def state_of(
    head: Head,
    host: str,
    now_ns: int,
    median_step_seconds: Callable[[], float],
    paths: RunPaths | None,
) -> str:
    """The state in one word, of a run whose store is there."""
    said = (
        head.state.label
        if head.state.ended
        else _state_while_writing(head, host, now_ns, median_step_seconds)
    )
    gone_or_ended = head.state.ended or said in ("crashed", "stale")
    return (
        "starting"
        if gone_or_ended and paths is not None and _is_launched_anew(paths, head)
        else said
    )


def state_without_store(paths: RunPaths, now_ns: int) -> str:
    """The state before the trainer has opened the store: it takes seconds to import its libraries."""
    launch = read_launch(paths)
    if launch is not None and launch.host == this_host():
        return "starting" if launch.alive else "failed"
    owner = read_owner(paths.lock)
    if owner is not None and not owner.dead:
        return "starting"
    return "starting" if now_ns / 1e9 - _born(paths) < LAUNCH_SECONDS else "failed"


def silent_for(head: Head, now_ns: int) -> float:
    """Seconds since the last sign of life."""
    return max(0.0, (now_ns - head.heartbeat) / 1e9)


def read_launch(paths: RunPaths) -> Launch | None:
    try:
        record = json.loads(paths.launch.read_bytes())
        return Launch(
            int(record["pid"]), int(record.get("process_start") or 0), str(record["host"])
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _state_while_writing(
    head: Head, host: str, now_ns: int, median_step_seconds: Callable[[], float]
) -> str:
    silent = silent_for(head, now_ns)
    if silent <= QUIET_SECONDS:
        return head.state.label
    if host == this_host() and not is_alive(head.pid, head.process_start):
        return "crashed"
    if silent <= STALE_SECONDS:
        return head.state.label
    return "stale" if silent > STALE_STEPS * median_step_seconds() else head.state.label


def _is_launched_anew(paths: RunPaths, head: Head) -> bool:
    """A process was started to resume this run, and has not written to it yet."""
    launch = read_launch(paths)
    return launch is not None and launch.pid != head.pid and launch.alive


def _born(paths: RunPaths) -> float:
    try:
        return paths.config.stat().st_mtime
    except OSError:
        return time.time()
