"""The check of a run's checkpoints, without loading torch: a checkpoint is a zip archive."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from asgml.storage.format.safe_text import error_line
from asgml.storage.read.finding import Finding, lost
from asgml.storage.read.reader import Run

_OLDER = "remove it, and `asgml resume` goes on from an older one"


def damaged_checkpoints(run: Run) -> list[Finding]:
    """Return the findings of the newest checkpoint if it is missing, and of damaged ones.

    Older checkpoints may be missing: the trainer keeps only the newest few.
    """
    found = _missing(run, _newest(run))
    for path in _checkpoints(run):
        damage = _damage(path)
        if damage:
            found.append(Finding(f"{path.parent.name}/{path.name}: {damage}", _OLDER))
    return found


def _missing(run: Run, newest: str) -> list[Finding]:
    if not newest:
        return []
    if not _is_inside(run, newest):
        outside = f"{newest}: this checkpoint lies outside the run"
        return [Finding(outside, "do not trust this run")]
    path = run.paths.root / newest
    # one that is there and is no file is found among all the others
    if os.path.isfile(path) or path in _checkpoints(run) or _replaced(run, newest):
        return []
    missing = f"{newest}: the newest checkpoint is missing"
    return [Finding(missing, lost("", newest).remedy + "; `asgml resume` needs it")]


def _checkpoints(run: Run) -> list[Path]:
    try:
        return sorted(run.paths.checkpoints.glob("*.pt"))
    except (OSError, RuntimeError):  # a loop of links: the newest is missing then
        return []


def _newest(run: Run) -> str:
    """Return the path of the last recorded checkpoint, relative to the run; "" for none."""
    paths = [event.get("path") for event in run.events if event.kind == "checkpoint"]
    return next((path for path in reversed(paths) if isinstance(path, str)), "")


def _is_inside(run: Run, path: str) -> bool:
    root = Path(os.path.realpath(run.paths.root))
    try:
        # not Path.resolve: it raises for a loop of links
        return Path(os.path.realpath(root / path)).is_relative_to(root)
    except (OSError, ValueError):  # a zero byte in the name
        return False


def _replaced(run: Run, newest: str) -> bool:
    """Return True where a later one is there, whose event a living trainer has still to publish."""
    steps = [path.name for path in _checkpoints(run) if path.name.startswith("step-")]
    return max(steps, default="") > Path(newest).name


def _damage(path: Path) -> str:
    """Return what is wrong with one file; "" for a zip archive whose checksums hold."""
    if not os.path.lexists(path):  # a living trainer has removed it since it was listed
        return ""
    if not os.path.isfile(path):  # a pipe would block the reading
        return "is no file"
    size = os.path.getsize(path)
    if not size:
        return "is empty"
    try:
        with zipfile.ZipFile(path) as archive:
            return _damage_of_archive(archive, size)
    except Exception as error:  # noqa: BLE001 - zipfile raises whatever the broken part leads to
        return f"cannot be read ({error_line(error)})"


def _damage_of_archive(archive: zipfile.ZipFile, size: int) -> str:
    entries = archive.infolist()
    # torch stores without compression; a compressed entry could unpack to any size
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        return "is no checkpoint: it holds compressed entries"
    if sum(entry.file_size for entry in entries) > size:
        return "is no checkpoint: its entries overlap"
    if not any(entry.filename.endswith("/data.pkl") for entry in entries):
        return "is no checkpoint: it holds no data.pkl"
    broken = archive.testzip()
    return f"is damaged in {broken}" if broken else ""
