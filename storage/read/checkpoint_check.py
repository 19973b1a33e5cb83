"""The check of a run's checkpoints, without loading torch: a checkpoint is a zip archive."""

from __future__ import annotations

import zipfile
from pathlib import Path

from asgml.storage.format.safe_text import error_line
from asgml.storage.read.reader import Run

_OLDER = "remove it, and `asgml resume` goes on from an older one"


def damaged_checkpoints(run: Run) -> list[tuple[str, str]]:
    """Return (problem, remedy) for the newest checkpoint if it is missing, and for damaged ones.

    Older checkpoints may be missing: the trainer keeps only the newest few.
    """
    found: list[tuple[str, str]] = []
    newest = _newest(run)
    if newest and not _is_inside(run, newest):
        found.append((f"{newest}: this checkpoint lies outside the run", "do not trust this run"))
    elif newest and not (run.paths.root / newest).is_file() and not _replaced(run, newest):
        remedy = "copy it again from where the run was recorded; `asgml resume` needs it"
        found.append((f"{newest}: the newest checkpoint is missing", remedy))
    for path in sorted(run.paths.checkpoints.glob("*.pt")):
        damage = _damage(path)
        if damage:
            found.append((f"{path.parent.name}/{path.name}: {damage}", _OLDER))
    return found


def _newest(run: Run) -> str:
    """Return the path of the last recorded checkpoint, relative to the run; "" for none."""
    paths = [event.get("path") for event in run.events if event.kind == "checkpoint"]
    return next((path for path in reversed(paths) if isinstance(path, str)), "")


def _is_inside(run: Run, path: str) -> bool:
    try:
        return (run.paths.root / path).resolve().is_relative_to(run.paths.root.resolve())
    except (OSError, ValueError):  # a loop of links; a zero byte in the name
        return False


def _replaced(run: Run, newest: str) -> bool:
    """Return True where a later one is there, whose event a living trainer has still to publish."""
    steps = [path.name for path in run.paths.checkpoints.glob("step-*.pt")]
    return max(steps, default="") > Path(newest).name


def _damage(path: Path) -> str:
    """Return what is wrong with one file; "" for a zip archive whose checksums hold."""
    if not path.exists():  # a living trainer has removed it since it was listed
        return ""
    if not path.is_file():  # a pipe would block the reading
        return "is no file"
    if not path.stat().st_size:
        return "is empty"
    try:
        with zipfile.ZipFile(path) as archive:
            # torch stores without compression; a compressed entry could unpack to any size
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                return "is no checkpoint: it holds compressed entries"
            broken = archive.testzip()
    except (OSError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
        return f"cannot be read ({error_line(error)})"
    return f"is damaged in {broken}" if broken else ""
