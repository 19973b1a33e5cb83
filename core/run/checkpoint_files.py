"""The files of checkpoints: their names, and which of them is the newest. Light: loads no torch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_NAME = re.compile(r"(?:step|start)-(\d+)\.pt")


def path_at(checkpoints: Path, step: int) -> Path:
    return checkpoints / f"step-{step:08d}.pt"


def best_path(checkpoints: Path, step: int) -> Path:
    return checkpoints / f"best-{step:08d}.pt"


def start_path(checkpoints: Path, step: int) -> Path:
    """Return the checkpoint that a fork begins with; it is kept as long as the run."""
    return checkpoints / f"start-{step:08d}.pt"


def step_of(path: Path) -> int:
    """Return the step of a checkpoint, -1 for any other file."""
    match = _NAME.fullmatch(path.name)
    return int(match.group(1)) if match else -1


def saved(checkpoints: Path) -> list[Path]:
    """Return the checkpoints, without the one that a fork begins with, in no order."""
    return [path for path in checkpoints.glob("step-*.pt") if step_of(path) >= 0]


def newest(checkpoints: Path) -> Path | None:
    """Return the checkpoint of the latest step, None where there is none."""
    return max(saved(checkpoints), key=step_of, default=None)


def up_to(checkpoints: Path, step: int) -> Iterator[Path]:
    """Yield the checkpoints of this step and before it, a fork's first one too, the newest first.

    Links are left out: they may lead anywhere.
    """
    starts = [path for path in checkpoints.glob("start-*.pt") if step_of(path) >= 0]
    found = [path for path in (*starts, *saved(checkpoints)) if step_of(path) <= step]
    yield from (path for path in sorted(found, key=step_of, reverse=True) if not path.is_symlink())
