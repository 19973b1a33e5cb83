"""`asgml compare --watch`: the runs side by side on the whole screen, living ones followed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asgml.app.commands.compare_subjects import Subject
from asgml.app.commands.screen_options import screen_options
from asgml.app.errors import UserError
from asgml.app.output import in_terminal


def watch_comparison(
    subjects: Sequence[Subject], baseline: str, metric: str, folder: Path, *, ascii_: bool
) -> int:
    """Open the comparison on the screen, the baseline first. Return the exit code.

    Raise UserError where there is no terminal.
    """
    if not in_terminal():
        raise UserError(
            "the comparison needs a terminal, and this is none; `asgml compare` prints tables"
        )
    from asgml.tui.comparison_app import run_comparison

    return run_comparison(
        paths_of(subjects, baseline), folder, metric=metric, **screen_options(ascii_)
    )


def paths_of(subjects: Sequence[Subject], baseline: str) -> list[Path]:
    """Return the directories of all runs, those of the baseline first."""
    ordered = sorted(subjects, key=lambda subject: subject.name != baseline)
    return [record.path for subject in ordered for record in subject.records]
