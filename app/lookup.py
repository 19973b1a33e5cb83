"""From a run reference (path, name, prefix, `latest`) to the run, with one-line errors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from asgml.app.errors import NotFoundError
from asgml.app.settings import runs_directory
from asgml.storage.format.layout import RunNotFoundError, RunPaths, find_run

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


def find(run_ref: str, runs: Path | None) -> RunPaths:
    """Return the paths of the run that `run_ref` means. Raise NotFoundError."""
    try:
        return find_run(run_ref, runs_directory(runs))
    except RunNotFoundError as error:
        raise NotFoundError(str(error)) from None


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
