"""The checks of `asgml doctor` on the runs directory: can it be written to, is there room."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import psutil

from asgml.app.commands.doctor_report import Check
from asgml.app.settings_path import settings_file
from asgml.storage.format.layout import list_runs

SCARCE = 2 * 2**30
"""Free bytes below which a training with checkpoints may fill the disk."""
SHARED = ("nfs", "cifs", "smb", "fuse.sshfs", "9p", "lustre", "beegfs")
"""Beginnings of the names of file systems that several computers share."""


def storage_checks(runs: Path) -> list[Check]:
    """Check the runs directory, or the nearest directory above it that exists."""
    place = runs.absolute()
    while not place.is_dir():
        place = place.parent
    free = shutil.disk_usage(place).free
    settings = settings_file()
    return [
        Check(
            "runs",
            "ok",
            f"{runs.absolute()}, {len(list_runs(runs))} runs"
            + ("" if place == runs.absolute() else ", not made yet"),
        ),
        _writable(place),
        _disk(free),
        _file_system(place),
        Check(
            "settings",
            "ok",
            f"{settings}" + ("" if settings.is_file() else ", not there: defaults are used"),
        ),
    ]


def _disk(free: int) -> Check:
    found = f"{free / 2**30:.1f} GiB free"
    if free > SCARCE:
        return Check("disk", "ok", found)
    return Check("disk", "note", found, "free some space: checkpoints may fill the disk")


def _writable(place: Path) -> Check:
    try:
        with tempfile.NamedTemporaryFile(dir=place) as file:
            file.write(b"asgml")
    except OSError as error:
        return Check(
            "write",
            "missing",
            f"{place}: {error.strerror}",
            "give --runs DIR, or set ASGML_RUNS to a directory you may write to",
        )
    return Check("write", "ok", f"{place} can be written to")


def _file_system(place: Path) -> Check:
    mounts = [
        part for part in psutil.disk_partitions(all=True) if place.is_relative_to(part.mountpoint)
    ]
    if not mounts:
        return Check("file system", "note", "unknown")
    kind = max(mounts, key=lambda part: len(part.mountpoint)).fstype
    return Check(
        "file system",
        "ok",
        f"{kind} (shared between computers)" if kind.startswith(SHARED) else kind,
    )
