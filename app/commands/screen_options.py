"""The opening of screens by a command: with the user's preferences, on a terminal that is held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asgml.app.errors import UserError
from asgml.app.output import in_browser, plain_output
from asgml.app.preferences import load_preferences
from asgml.app.settings_path import settings_file, views_folder


def screen_options(ascii_: bool) -> dict[str, Any]:
    """Return the keyword arguments of `run_dashboard` and `run_comparison` by the preferences.

    Raise UserError for a wrong setting, or keys that cannot be.
    """
    from asgml.tui.keys.keymap import KeymapError, checked_keymap

    settings = load_preferences()
    try:
        keymap = checked_keymap(settings.keys)
    except KeymapError as error:
        raise UserError(f"setting {error}; correct {settings_file()} or ASGML_KEYS") from None
    return {
        "ascii": ascii_ or settings.ascii or plain_output(),  # `asgml --ascii watch` too
        "keymap": keymap,
        "interval": settings.refresh,
        "theme": settings.theme,
        "axis": settings.axis,
        "smoothing": settings.smoothing,
    }


def open_dashboard(
    target: Path | None, runs: Path, name: str, *, ascii: bool, **options: Any
) -> int:
    """Import and run the dashboard by the preferences and `options`. Return its exit code.

    The terminal is held meanwhile, and says that `name` is opened.
    """
    from asgml.tui.terminal.held_terminal import held_terminal, opening_text

    options |= {**screen_options(ascii), "announces": load_preferences().announces}
    # of a browser's user nothing is kept on this machine; a replay is looked at anew
    kept = not in_browser() and options.get("clock") != "replay"
    options |= {"views": views_folder() if kept else None}
    with held_terminal(opening_text(name), alternate=not options.get("inline")) as held:
        from asgml.tui.app import run_dashboard

        return run_dashboard(target, runs, held=held, **options)
