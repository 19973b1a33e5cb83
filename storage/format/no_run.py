"""The reason why a path that exists is no run."""

from __future__ import annotations

import os
from pathlib import Path

from asgml.storage.format.scan import CONFIG, STORE

_ZIP = b"PK"


def reason(path: Path) -> str:
    """Return what lies at a path instead of a run, and what to do; "" where nothing does."""
    given = str(path)[:200]
    if os.path.isfile(path):
        return _of_file(path, given)
    if not os.path.isdir(path):
        return ""
    parent = path.resolve().parent
    if path.resolve().name == STORE:
        return f"{given} is the store of a run; give the run: {parent}"
    if os.path.isfile(path / "zarr.json") or os.path.isfile(path / ".zgroup"):
        return f"{given} is a Zarr store of another program: no run has recorded it"
    return f"{given} is a folder without {CONFIG} or {STORE}: no run"


def _of_file(path: Path, given: str) -> str:
    if _begins_as_zip(path):
        return (
            f"{given} is a zip file, and a run is a folder: unpack it with "
            f"`unzip {path.name} -d NAME/{STORE}` and give NAME"
        )
    if path.name == CONFIG:
        return f"{given} is the configuration of a run; give its folder: {path.resolve().parent}"
    return f"{given} is a file, and a run is a folder"


def _begins_as_zip(path: Path) -> bool:
    try:
        # without O_NONBLOCK, opening a pipe waits for its other end
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.read(handle, 2) == _ZIP
    except OSError:
        return False
    finally:
        os.close(handle)
