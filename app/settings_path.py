"""The places of the user's own files: settings, their environment variables, saved views."""

from __future__ import annotations

import os
from pathlib import Path

from asgml.app.errors import UserError
from asgml.storage.format.user_path import expand_user

PREFIX = "ASGML_"
"""A setting's name after it is the variable that holds the setting."""


def settings_file() -> Path:
    """Return `$XDG_CONFIG_HOME/asgml/settings.toml`, below ~/.config where that is not set."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return expand_user(home, UserError) / "asgml" / "settings.toml"


def views_folder() -> Path:
    """Return `$XDG_STATE_HOME/asgml/views`, below ~/.local/state where that is not set."""
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return expand_user(home, UserError) / "asgml" / "views"
