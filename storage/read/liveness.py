"""The state of a run, concluded from its head, the time and the list of processes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.head_file import head_bytes, head_of
from asgml.storage.format.layout import LAUNCH, RunPaths
from asgml.storage.format.lock_owner import read_owner
from asgml.storage.format.process import is_alive, this_host
from asgml.storage.format.status import ENDED, Head

QUIET_SECONDS = 2.5
"""The heartbeat moves every second; after this long without one the process is looked up."""
STALE_SECONDS = 10.0
STALE_STEPS = 5
"""A silent trainer is stale after so many seconds and so many median times of its own steps."""
LAUNCH_SECONDS = 10.0
"""Most that lies between writing a run's configuration and starting its process."""


@dataclass(frozen=True)
class Launch:
    """The process that was started to train a run. `process_start` in unix milliseconds."""

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
    paths: RunPaths,
) -> str | None:
    """Return the state of a run with a store. `host`: that of the writing process.

    None where `head` tells too little: its trainer is gone, and had published more before.
    """
    state: str | None = head.state.label
    if not head.state.ended:
        state = _state_while_writing(head, host, now_ns, median_step_seconds, paths)
    if state in (*ENDED, "stale") and _is_relaunched(paths, head):
        return "starting"
    return state


def state_without_store(paths: RunPaths, now_ns: int) -> str | None:
    """Return the state before the trainer has opened the store: importing torch takes seconds.

    None where it is gone, and had opened the store before.
    """
    launch = read_launch(paths)
    if launch is not None and launch.host == this_host():
        return "starting" if launch.alive else _unborn(paths)
    owner = read_owner(paths.lock)
    if owner is not None and not owner.dead:
        return "starting"
    # either way: a copy may have a time in the future
    age = abs(now_ns / 1e9 - _created_at(paths))
    return "starting" if age < LAUNCH_SECONDS else _unborn(paths)


def silent_for(head: Head, now_ns: int) -> float:
    """Return the seconds since the last heartbeat."""
    return max(0.0, (now_ns - head.heartbeat) / 1e9)


def read_launch(paths: RunPaths) -> Launch | None:
    """Return the content of launch.json, None without a readable one."""
    try:
        return _launch_from(read_bounded(f"{paths.root}/{LAUNCH}"))
    except (FormatError, OSError):
        return None


@lru_cache(maxsize=4)
def _launch_from(content: bytes) -> Launch | None:
    """Return the process that a file with this content names; a poll reads the same each time."""
    try:
        record = json.loads(content)
        start = int(record.get("process_start") or 0)
        return Launch(int(record["pid"]), start, str(record["host"]))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def _state_while_writing(
    head: Head,
    host: str,
    now_ns: int,
    median_step_seconds: Callable[[], float],
    paths: RunPaths,
) -> str | None:
    silent = silent_for(head, now_ns)
    if silent <= QUIET_SECONDS:
        return head.state.label
    if host == this_host() and not is_alive(head.pid, head.process_start):
        # only a head that is read after the death of its writer is the last one
        return "crashed" if _newest_head(paths) in (head, None) else None
    if silent <= STALE_SECONDS:
        return head.state.label
    return "stale" if silent > STALE_STEPS * median_step_seconds() else head.state.label


def _unborn(paths: RunPaths) -> str | None:
    """Return the state of a run whose trainer is gone, None where it has opened the store."""
    opened = (paths.store / "zarr.json").is_file() and _newest_head(paths) is not None
    return None if opened else "failed"


def _newest_head(paths: RunPaths) -> Head | None:
    return head_of(head_bytes(str(paths.root)))


def _is_relaunched(paths: RunPaths, head: Head) -> bool:
    """Return True where a process was started to resume the run and has not written to it yet."""
    launch = read_launch(paths)
    return launch is not None and launch.pid != head.pid and launch.alive


def _created_at(paths: RunPaths) -> float:
    """Return the unix time at which the run was made, by its files: run.toml, else the store."""
    for file in (paths.config, paths.store / "zarr.json", paths.root):
        with contextlib.suppress(OSError):
            return file.stat().st_mtime
    return 0.0
