"""What a trainer does before its first step: lines that it writes to trainer.log."""

from __future__ import annotations

from collections.abc import Iterable

PREFIX = "starting: "
"""Begins such a line; the rest of it is the phase."""
FIRST = "importing torch"
"""The phase before the first line: a process that imports can say nothing yet."""


def phase_of(lines: Iterable[str]) -> str:
    """Return the newest phase that the lines tell of."""
    told = [line.removeprefix(PREFIX) for line in lines if line.startswith(PREFIX)]
    return told[-1] if told else FIRST


def without_phases(lines: Iterable[str]) -> list[str]:
    """Return the lines that tell of something else."""
    return [line for line in lines if not line.startswith(PREFIX)]
