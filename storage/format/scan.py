"""The runs in a folder, found by names and times of files alone; none of them is opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

CONFIG = "run.toml"
STORE = "run.zarr"
NO_STAMP = (0, -1)


class FoundRun(NamedTuple):
    """A run directory; `name` is its path relative to the folder, `plan/run` in a plan.

    `made`: modification time (ns) and size of run.toml, else of the store's metadata.
    """

    name: str
    root: str
    made: tuple[int, int]


def scan_runs(folder: str | Path) -> list[FoundRun]:
    """Return the runs of a folder and of the plans in it, the newest first.

    A plan is a directory in the folder that is no run itself; links to others are not entered.
    Raise OSError where the folder cannot be read.
    """
    return sorted(_found(str(folder)), key=lambda run: (run.made[0], run.name), reverse=True)


def file_stamp(path: str) -> tuple[int, int]:
    """Return modification time (ns) and size of a file, NO_STAMP where there is no plain one."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return NO_STAMP
    return (status.st_mtime_ns, status.st_size) if stat.S_ISREG(status.st_mode) else NO_STAMP


def _found(folder: str) -> Iterator[FoundRun]:
    for name in _names(folder):
        root = f"{folder}/{name}"
        made = _made(root)
        if made != NO_STAMP:
            yield FoundRun(name, root, made)
        elif os.path.isdir(root) and not os.path.islink(root):
            yield from _of_plan(name, root)


def _of_plan(plan: str, folder: str) -> Iterator[FoundRun]:
    try:
        names = _names(folder)
    except OSError:  # another user's, or removed since
        return
    for name in names:
        made = _made(f"{folder}/{name}")
        if made != NO_STAMP:
            yield FoundRun(f"{plan}/{name}", f"{folder}/{name}", made)


def _names(folder: str) -> list[str]:
    """Return the entries that may be runs; one in the making or being removed begins with a dot."""
    return [name for name in os.listdir(folder) if not name.startswith(".")]


def _made(root: str) -> tuple[int, int]:
    for file in (f"{root}/{CONFIG}", f"{root}/{STORE}/zarr.json"):
        stamp = file_stamp(file)
        if stamp != NO_STAMP:
            return stamp
    return NO_STAMP
