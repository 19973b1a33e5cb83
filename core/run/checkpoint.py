"""Checkpoints: everything a training needs to go on bit for bit, in one file that holds tensors and plain values only."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Any

import torch

VERSION = 1
_NAME = re.compile(r"step-(\d+)\.pt")


class CheckpointError(Exception):
    """A checkpoint that cannot be read. One line for a person."""


def save(state: dict[str, Any], path: Path) -> int:
    """Writes the file whole or not at all; returns its size in bytes."""
    path.parent.mkdir(exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        with partial.open("wb") as file:
            torch.save({"version": VERSION, **state}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return path.stat().st_size


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Reads a checkpoint, tensors and plain values only. Raises CheckpointError."""
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises whatever the broken part of the file leads to
        raise CheckpointError(
            f"checkpoint {path} cannot be read: {type(error).__name__}; remove it to go on from an older one"
        ) from error
    if state.get("version") != VERSION:
        raise CheckpointError(
            f"checkpoint {path} is of version {state.get('version')}, this program reads {VERSION}"
        )
    return state


def path_at(checkpoints: Path, step: int) -> Path:
    return checkpoints / f"step-{step:08d}.pt"


def best_path(checkpoints: Path, step: int) -> Path:
    return checkpoints / f"best-{step:08d}.pt"


def newest(checkpoints: Path) -> Path | None:
    """The checkpoint of the latest step, if there is one."""
    return max(_all(checkpoints), key=_step, default=None)


def prune(checkpoints: Path, keep: int, best_step: int) -> None:
    """Removes all but the newest `keep` checkpoints, and all best models but that of `best_step` and of each kept checkpoint.

    A checkpoint's own best model is the newest one that is no younger than it: going on from there asks for it.
    """
    present = sorted(_all(checkpoints), key=_step)
    models = sorted(checkpoints.glob("best-*.pt"))
    own = {
        max(
            (model for model in models if model <= best_path(checkpoints, _step(path))),
            default=None,
        )
        for path in present[-keep:]
    }
    beaten = [
        model for model in models if model != best_path(checkpoints, best_step) and model not in own
    ]
    for path in present[:-keep] + beaten:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _all(checkpoints: Path) -> list[Path]:
    return [path for path in checkpoints.glob("step-*.pt") if _NAME.fullmatch(path.name)]


def _step(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found.group(1)) if found else -1
