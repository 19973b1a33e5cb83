"""A finding of the check: what is wrong with a run, and the remedy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing wrong with a run, and its remedy. Both may quote the run: not safe to print."""

    problem: str
    remedy: str


def lost(problem: str, name: str) -> Finding:
    """Return the finding of a part of the run that can only be copied again."""
    return Finding(problem, f"copy {name} again from where the run was recorded")
