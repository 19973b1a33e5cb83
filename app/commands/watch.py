"""`asgml watch` and `asgml replay`: the dashboard on a run."""

from __future__ import annotations

from pathlib import Path

from app.commands.train import in_terminal
from app.errors import UserError
from app.lookup import find
from app.settings import load_settings
from storage.layout import RunPaths


def watch(word: str, runs: Path | None, *, readonly: bool, inline: bool, ascii_: bool) -> int:
    """Shows the run live, or as it ended."""
    from tui.app import run_dashboard

    paths = _found(word, runs, "asgml tail --follow")
    plain = ascii_ or load_settings().ascii
    return run_dashboard(paths.root, paths.root.parent, clock="live", readonly=readonly, inline=inline, ascii=plain)


def replay(word: str, runs: Path | None, *, speed: float, at: int | None, ascii_: bool) -> int:
    """Plays the stored run back."""
    from tui.app import run_dashboard

    paths = _found(word, runs, "asgml show")
    plain = ascii_ or load_settings().ascii
    return run_dashboard(paths.root, paths.root.parent, clock="replay", readonly=True, speed=speed, at_step=at, ascii=plain)


def _found(word: str, runs: Path | None, instead: str) -> RunPaths:
    paths = find(word, runs)
    if not in_terminal():
        raise UserError(f"the dashboard needs a terminal, and this is none; use `{instead} {paths.name}`")
    return paths
