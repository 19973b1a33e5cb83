"""The settings of screens and the runs directory, known without pydantic where none is given.

Validating settings means importing pydantic, which takes longer than all else of a light command.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from pathlib import Path

from asgml.app.errors import UserError
from asgml.app.settings_path import PREFIX, settings_file
from asgml.storage.format.user_path import expand_user

_RUNS = f"{PREFIX}RUNS"


@dataclass(frozen=True)
class Preferences:
    """The settings of these names, with their defaults; `Settings` says what they are."""

    runs: Path = Path("runs")
    ascii: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    theme: str = "auto"
    smoothing: float = 0.9
    axis: str = "step"
    refresh: float | None = None
    announces: tuple[str, ...] = ("bell", "title", "toast")
    away: bool = False


def load_preferences() -> Preferences:
    """Return the preferences. Raise UserError as `load_settings`."""
    given = {name.upper() for name in os.environ if name.upper().startswith(PREFIX)}
    if not given - {_RUNS} and not os.path.lexists(settings_file()):
        runs = os.environ.get(_RUNS)
        return Preferences() if runs is None else Preferences(runs=Path(runs))
    from asgml.app.settings import load_settings

    settings = load_settings()
    names = [preference.name for preference in fields(Preferences)]
    return Preferences(**{name: getattr(settings, name) for name in names})


def runs_directory(given: Path | None) -> Path:
    """Return the directory of the runs: `--runs` if given, else the setting."""
    return expand_user(given if given is not None else load_preferences().runs, UserError)
