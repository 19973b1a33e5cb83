"""The removal of a run: never of one that trains, never through a link."""

from __future__ import annotations

import os
import shutil

from asgml.storage.format.layout import RunPaths, is_run
from asgml.storage.format.lock_owner import read_owner
from asgml.storage.format.status import ALIVE
from asgml.storage.read.liveness import read_launch
from asgml.storage.runs.index import read_record


class RemovalRefusedError(Exception):
    """A run that must not be removed now. The message is one line."""


def refuse_removal(paths: RunPaths) -> None:
    """Raise RemovalRefusedError for a run that trains or may train, for a link, and for no run."""
    if os.path.islink(paths.root):
        raise RemovalRefusedError(f"{paths.root} is a link; remove the link itself with rm")
    if not is_run(paths.root):
        raise RemovalRefusedError(f"{paths.root} is no run")
    state = read_record(paths).state
    if state in ALIVE:
        stop = f"`asgml ctl {paths.name} stop` ends it"
        raise RemovalRefusedError(f"{paths.name} is {state}: {stop}, then it can be deleted")
    if state == "stale" or _may_be_written(paths):
        raise RemovalRefusedError(
            f"{paths.name} may still be written, by a process of another computer or one that "
            "hangs; end it, or remove the directory by hand"
        )


def delete_run(paths: RunPaths) -> None:
    """Remove a run's directory, and nothing that a link in it leads to.

    Raise RemovalRefusedError as `refuse_removal`, OSError where it cannot be removed.
    """
    refuse_removal(paths)
    # renamed first: it is gone at once for whoever lists runs, and a half of it is no run
    aside = paths.root.with_name(f".{paths.name[:100]}.{os.getpid()}.partial")
    os.rename(paths.root, aside)
    shutil.rmtree(aside)


def _may_be_written(paths: RunPaths) -> bool:
    owner, launch = read_owner(paths.lock), read_launch(paths)
    return (owner is not None and not owner.dead) or (launch is not None and launch.alive)
