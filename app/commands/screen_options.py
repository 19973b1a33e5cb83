"""The options with which a command opens screens: the user's preferences, checked."""

from __future__ import annotations

from typing import Any

from asgml.app.errors import UserError
from asgml.app.settings import load_settings, settings_file


def screen_options(ascii_: bool) -> dict[str, Any]:
    """Return the keyword arguments of `run_dashboard` and `run_comparison` by the preferences.

    Raise UserError for a wrong setting, or keys that cannot be.
    """
    from asgml.tui.keys.keymap import KeymapError, checked_keymap

    settings = load_settings()
    try:
        keymap = checked_keymap(settings.keys)
    except KeymapError as error:
        raise UserError(f"setting {error}; correct {settings_file()} or ASGML_KEYS") from None
    return {
        "ascii": ascii_ or settings.ascii,
        "keymap": keymap,
        "interval": settings.refresh,
        "theme": settings.theme,
        "axis": settings.axis,
        "smoothing": settings.smoothing,
    }
