"""The runs in a plan's folder: which of them is the one that a cell asks for."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.app.plans.data_content import DataContent
from asgml.core.config.run_config import ConfigError, make_config
from asgml.core.config.run_settings import RunSettings
from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths, list_runs
from asgml.storage.format.status import ALIVE
from asgml.storage.runs.settings import cell_digest, flatten


@dataclass(frozen=True)
class Match:
    """The run of a cell, None where it is to be made, and earlier ones that no longer count."""

    paths: RunPaths | None
    stale: tuple[str, ...]


class PlanRuns:
    """The runs in the folder of a plan, by the digests of their settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._content = DataContent()
        self._by_digest: dict[str, list[RunPaths]] = {}
        self.names: set[str] = set()
        self.threads = 0  # of the newest run that says so
        for paths in list_runs(folder):
            self.add(paths)

    def add(self, paths: RunPaths) -> None:
        """Take a run into account."""
        self.names.add(paths.name)
        tree = _tree(paths)
        self.threads = self.threads or _whole(tree.get("threads"))
        for digest in _digests(tree):
            self._by_digest.setdefault(digest, []).append(paths)

    def match(self, name: str, settings: RunSettings) -> Match:
        """Return the run that has these settings and was trained on the data as it is now.

        Of several, a finished one, else one that lives, else the newest. `name`: what the cell
        would call it; others of that name are stale.
        """
        asked = self._by_digest.get(settings_digest(settings), [])
        fresh = [one for one in asked if not self._content.differs(one, settings.data.name)]
        best = min(fresh, key=_rank, default=None)
        named = [one for one in sorted(self.names) if one == name or _is_copy(one, name)]
        return Match(best, tuple(one for one in named if best is None or one != best.name))

    def free_name(self, name: str) -> str:
        """Return `name`, or with -02, -03 … where that is taken."""
        taken = {path.name for path in self.folder.iterdir()} | self.names
        names = (name if number == 1 else f"{name}-{number:02d}" for number in range(1, 10_000))
        return next(one for one in names if one not in taken)


def settings_digest(settings: RunSettings) -> str:
    """Return the digest of the settings that a run of this configuration has."""
    return cell_digest(flatten(settings.model_dump()))


def state_of(paths: RunPaths) -> str:
    """Return the state of a run, `unreadable` for a damaged one."""
    from asgml.storage.read.reader import Run

    try:
        return Run.open(paths).state()
    except (FormatError, OSError):
        return "unreadable"


def _rank(paths: RunPaths) -> int:
    state = state_of(paths)
    return 0 if state == "finished" else 1 if state in ALIVE else 2


def _is_copy(name: str, of: str) -> bool:
    number = name.removeprefix(f"{of}-")
    return number != name and len(number) == 2 and number.isdecimal()


def _tree(paths: RunPaths) -> dict[str, Any]:
    """Return a run's configuration, {} where it cannot be read."""
    try:
        return tomllib.loads(read_bounded(paths.config).decode())
    except (FormatError, OSError, ValueError, RecursionError):
        return {}


def _digests(tree: dict[str, Any]) -> set[str]:
    """Return the digest of a run's settings, and that with the settings it was made without.

    A run of an earlier version lacks settings that have come since.
    """
    found = {cell_digest(flatten(tree))}
    try:
        return found | {settings_digest(make_config(tree))}
    except ConfigError:  # of a later version, or none
        return found


def _whole(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0
