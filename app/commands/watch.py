"""`asgml watch` and `asgml replay`: the dashboard on a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from asgml.app.errors import UserError
from asgml.app.lookup import find
from asgml.app.output import in_terminal
from asgml.app.settings import load_settings
from asgml.storage.format.layout import RunPaths


def watch(run_ref: str, runs: Path | None, *, readonly: bool, inline: bool, ascii_: bool) -> int:
    """Show the run live, or as it ended."""
    paths = find(run_ref, runs)
    return dashboard(
        paths, "live", "asgml tail --follow", readonly=readonly, inline=inline, ascii=ascii_
    )


def replay(run_ref: str, runs: Path | None, *, speed: float, at: int | None, ascii_: bool) -> int:
    """Play the stored run back."""
    paths = find(run_ref, runs)
    return dashboard(
        paths, "replay", "asgml show", readonly=True, speed=speed, at_step=at, ascii=ascii_
    )


def dashboard(
    paths: RunPaths, clock: Literal["live", "replay"], instead: str, *, ascii: bool, **options: Any
) -> int:
    """Hand the terminal to the dashboard, drawn as the settings say."""
    if not in_terminal():
        raise UserError(
            f"the dashboard needs a terminal, and this is none; use `{instead} {paths.name}`"
        )
    from asgml.tui.app import run_dashboard

    settings = load_settings()
    return run_dashboard(
        paths.root,
        paths.root.parent,
        clock=clock,
        ascii=ascii or settings.ascii,
        keymap=settings.keys,
        **options,
    )
