"""`asgml config … --settings`: the user's preferences with their origins, and their schema."""

from __future__ import annotations

import os
import tomllib
from typing import Any

from rich.table import Table
from rich.text import Text

from asgml.app.output import console, print_json
from asgml.app.settings import Settings, load_settings
from asgml.app.settings_path import settings_file
from asgml.storage.format.safe_text import safe


def show_settings(json_: bool) -> int:
    """Print each preference, its value, and where that comes from."""
    values = load_settings().model_dump(mode="json")
    rows = {name: {"value": value, "origin": _origin(name)} for name, value in values.items()}
    if json_:
        print_json(rows)
        return 0
    table = Table("setting", "value", "origin", box=None, pad_edge=False)
    for name, row in rows.items():
        style = "dim" if row["origin"] == "default" else ""
        table.add_row(
            *(Text(safe(each), style) for each in (name, _shown(row["value"]), row["origin"]))
        )
    console().print(table)
    return 0


def settings_schema() -> int:
    """Print the JSON schema of settings.toml."""
    print_json(Settings.model_json_schema())
    return 0


def _shown(value: Any) -> str:
    return "unset" if value is None else str(value)


def _origin(name: str) -> str:
    """Return where a preference comes from: the environment comes first."""
    variable = f"ASGML_{name.upper()}"
    # pydantic-settings reads the names of variables in any case
    if any(key.upper() == variable for key in os.environ):
        return variable
    path = settings_file()
    try:
        return str(path) if name in tomllib.loads(path.read_text(encoding="utf-8")) else "default"
    except (OSError, ValueError, RecursionError):  # told by whoever reads all of it
        return "default"
