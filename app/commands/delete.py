"""`asgml delete`: remove runs, after a question; never one that trains, never through a link."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from asgml.app.errors import RejectedError, RunFailedError, UserError, narrate
from asgml.app.lookup import find_to_change
from asgml.app.preferences import runs_directory
from asgml.storage.format.layout import RunPaths, name_in
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.value_text import size
from asgml.storage.runs.references import runs_that_need
from asgml.storage.runs.removal import RemovalRefusedError, delete_run, refuse_removal


def delete(run_refs: Sequence[str], runs: Path | None, yes: bool) -> int:
    """Remove runs, all of which must be there and at rest. stdout: the paths that are gone."""
    folder = runs_directory(runs)
    found = list(dict.fromkeys(find_to_change(run_ref, runs) for run_ref in run_refs))
    for paths in found:
        _refuse(paths)
    for paths in found:
        narrate(_description(folder, paths))
    if not yes and not _agreed(len(found)):
        narrate("nothing was deleted")
        return 0
    for paths in found:
        _remove(paths)
        print(one_line(paths.root), flush=True)
    return 0


def _refuse(paths: RunPaths) -> None:
    try:
        refuse_removal(paths)
    except RemovalRefusedError as error:
        raise RejectedError(str(error)) from None


def _description(folder: Path, paths: RunPaths) -> str:
    needed = runs_that_need(folder, paths)
    others = f"; {', '.join(needed[:5])} refer to it, as reference or parent" if needed else ""
    more = f" and {len(needed) - 5} more" if len(needed) > 5 else ""
    return f"{name_in(folder, paths)}: {size(_bytes(paths.root))}{others}{more}"


def _bytes(root: Path) -> int:
    """Return the bytes of the files in a directory; links count for themselves."""
    total = 0
    for folder, _, files in os.walk(root):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue
    return total


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise UserError("delete asks, and there is no terminal to answer in: give --yes")
    what = "this run" if count == 1 else f"these {count} runs"
    print(f"delete {what} for ever? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _remove(paths: RunPaths) -> None:
    try:
        delete_run(paths)
    except RemovalRefusedError as error:  # it was resumed while the question stood
        raise RejectedError(str(error)) from None
    except OSError as error:
        place = error.filename or paths.root
        raise RunFailedError(f"{place} cannot be removed: {error.strerror}") from None
