"""The process that trains, seen from the run directory: its host, its last sign, its output."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ENDED, ENDED_BADLY, UNHEARD
from asgml.tui.scene.scene import TrainerProcess

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run

_LINES = 12
_BYTES = 8192
"""The end of trainer.log that is read: a trainer may have written gigabytes."""


def trainer_process(run: Run, state: str, now: int, live: bool) -> TrainerProcess:
    """Return the trainer of a run at `now`, in unix nanoseconds.

    Its output is read only where the state leaves open what happened to it.
    """
    in_doubt = state in ENDED_BADLY | UNHEARD
    return TrainerProcess(
        pid=run.head.pid if run.head else 0,
        host=safe(run.host),
        same_host=_is_here(run.host),
        silent=run.silent_for(now) if live and state not in ENDED else 0.0,
        output=last_lines(run.paths.trainer_log) if in_doubt else (),
    )


def _is_here(host: str) -> bool:
    from asgml.storage.format.process import this_host

    return host in ("", this_host())


def last_lines(path: Path) -> tuple[str, ...]:
    """Return the last lines of a file that are not empty; none where it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - _BYTES, 0))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ()
    return tuple(safe(line) for line in text.splitlines() if line.strip())[-_LINES:]
