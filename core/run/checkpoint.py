"""Checkpoints: all that a training needs to continue bit for bit, as tensors and plain values."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import torch

from asgml.core.run.checkpoint_files import (
    best_path,
    newest,
    path_at,
    saved,
    start_path,
    step_of,
    up_to,
)

__all__ = [
    "CheckpointError",
    "best_path",
    "load",
    "newest",
    "path_at",
    "prune",
    "save",
    "start_path",
    "up_to",
]

VERSION = 1


class CheckpointError(Exception):
    """A checkpoint that cannot be read. The message is one line."""


def save(state: dict[str, Any], path: Path) -> int:
    """Write the file whole or not at all; return its size in bytes."""
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            torch.save({"version": VERSION, **state}, file)
            # on the disk before it has its name, so that a power cut leaves the old file or the new
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path.stat().st_size


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint; raises CheckpointError. Unpickles tensors and plain values only."""
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises whatever the broken part of the file leads to
        raise CheckpointError(
            f"checkpoint {path} cannot be read: {type(error).__name__}; "
            "remove it to go on from an older one"
        ) from error
    if state.get("version") != VERSION:
        raise CheckpointError(
            f"checkpoint {path} is of version {state.get('version')}, this program reads {VERSION}"
        )
    return state


def prune(
    checkpoints: Path, keep: int, best_step: int, step: int, changed_at: int | None = None
) -> None:
    """Remove old checkpoints and best models, after the checkpoint of `step` was saved.

    Kept are the newest `keep` checkpoints up to this one, those from before the last knob change,
    which was made at `changed_at`, the best model of `best_step`, and for each kept checkpoint the
    best model of its time: a training that is resumed from it tests that one. Files of later steps
    are not of this training; they stay.
    """
    present = sorted((path for path in saved(checkpoints) if step_of(path) <= step), key=step_of)
    # step numbers are padded with zeros, so paths compare as their steps do
    models = sorted(
        path for path in checkpoints.glob("best-*.pt") if path <= best_path(checkpoints, step)
    )
    needed = {best_path(checkpoints, best_step)}
    kept = present[-keep:] + _before(present, changed_at)
    for path in kept:
        older = [model for model in models if model <= best_path(checkpoints, step_of(path))]
        needed.update(older[-1:])
    beaten = [model for model in models if model not in needed]
    for path in [each for each in present if each not in kept] + beaten:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _before(present: list[Path], changed_at: int | None) -> list[Path]:
    """Return the last checkpoint before a step, and that of the step, which may be earlier too."""
    earlier = [path for path in present if changed_at is not None and step_of(path) < changed_at]
    return earlier[-1:] + [path for path in present if step_of(path) == changed_at]
