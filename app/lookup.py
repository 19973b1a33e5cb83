"""From a run reference (path, name, prefix, `latest`) to the run, with one-line errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from asgml.app.errors import NotFoundError, RejectedError
from asgml.app.preferences import runs_directory
from asgml.storage.format.layout import RunNotFoundError, RunPaths, find_run, is_run

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


def find(run_ref: str, runs: Path | None) -> RunPaths:
    """Return the paths of the run that `run_ref` means. Raise NotFoundError."""
    try:
        return find_run(run_ref, runs_directory(runs))
    except RunNotFoundError as error:
        raise NotFoundError(str(error)) from None


def find_to_change(run_ref: str, runs: Path | None) -> RunPaths:
    """Return the paths of a run that is to be changed.

    Raise NotFoundError, and RejectedError for a link: `find` resolves a path, so the link itself
    is looked at before.
    """
    path = os.path.expanduser(run_ref).rstrip("/") if "/" in run_ref else run_ref
    if os.path.islink(path) and is_run(Path(path)):
        raise RejectedError(f"{run_ref} is a link; give the path of the run itself")
    return find(run_ref, runs)


def open_run(paths: RunPaths) -> Run:
    """Return the run with everything published so far. Raise NotFoundError for a damaged one."""
    from asgml.storage.format.errors import FormatError
    from asgml.storage.read.reader import Run

    try:
        run = Run.open(paths)
        run.refresh()
    except (FormatError, RunNotFoundError) as error:
        raise NotFoundError(f"{paths.root}: {error}; `asgml check` tells more") from None
    return run
