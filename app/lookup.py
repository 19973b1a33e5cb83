"""From a person's word for a run to the run itself, with errors a person can mend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from asgml.app.errors import NotFoundError
from asgml.app.settings import runs_directory
from asgml.storage.format.layout import RunNotFoundError, RunPaths, find_run

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


def find(word: str, runs: Path | None) -> RunPaths:
    """The paths of the run that `word` means (a path, a name, a unique prefix, `latest`)."""
    try:
        return find_run(word, runs_directory(runs))
    except RunNotFoundError as error:
        raise NotFoundError(str(error)) from None


def open_run(paths: RunPaths) -> Run:
    """The opened run with everything published so far."""
    from asgml.storage.format.manifest import FormatError
    from asgml.storage.read.reader import Run

    try:
        run = Run.open(paths)
        run.refresh()
    except (FormatError, RunNotFoundError) as error:
        raise NotFoundError(f"{paths.root}: {error}") from None
    except (
        TypeError,
        ValueError,
        KeyError,
        OSError,
    ) as error:  # a store that something else has written into
        raise NotFoundError(
            f"{paths.root}: damaged, {type(error).__name__}: {error}; the data of its run.zarr cannot be trusted"
        ) from None
    return run
