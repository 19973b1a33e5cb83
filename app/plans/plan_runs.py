"""The runs in a plan's folder: which of them is the one that a cell asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from asgml.app.keys import nested
from asgml.app.plans.data_content import DataContent
from asgml.core.config.run_config import ConfigError, RunConfig, make_config
from asgml.core.config.run_settings import RunSettings
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import ALIVE
from asgml.storage.runs.index import read_records
from asgml.storage.runs.record import RunRecord
from asgml.storage.runs.settings import Settings, cell_digest, flatten


@dataclass(frozen=True)
class Match:
    """The run of a cell, None where it is to be made, and earlier ones that no longer count."""

    record: RunRecord | None
    stale: tuple[str, ...]


class PlanRuns:
    """The runs in the folder of a plan as they are at first, by the digests of their settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        records = read_records(folder, archived=True) if folder.is_dir() else []
        self.names = {record.path.name for record in records}
        self._content = DataContent()
        self._by_digest: dict[str, list[RunRecord]] = {}
        for record in records:
            for digest in _digests(record.settings):
                self._by_digest.setdefault(digest, []).append(record)
        threads = [record.settings.get("threads") for record in records]
        self.threads = next((n for n in threads if type(n) is int and n > 0), 0)

    def match(self, name: str, settings: RunSettings) -> Match:
        """Return the run that has these settings and was trained on the data as it is now.

        Of several, a finished one, else one that lives, else the newest. `name`: what the cell
        would call it; others of that name are stale.
        """
        asked = self._by_digest.get(settings_digest(settings), [])
        data = settings.data.name
        fresh = [one for one in asked if not self._content.differs(RunPaths(one.path), data)]
        best = min(fresh, key=_rank, default=None)
        named = [one for one in sorted(self.names) if one == name or _is_copy(one, name)]
        return Match(best, tuple(one for one in named if best is None or one != best.path.name))

    def free_name(self, name: str) -> str:
        """Return `name`, or with -02, -03 … where that is taken."""
        taken = {path.name for path in self.folder.iterdir()}
        names = (name if number == 1 else f"{name}-{number:02d}" for number in range(1, 10_000))
        return next(one for one in names if one not in taken)


def settings_digest(settings: RunSettings) -> str:
    """Return the digest of the settings that a run of this configuration has."""
    return cell_digest(flatten(settings.model_dump()))


def _rank(record: RunRecord) -> int:
    return 0 if record.state == "finished" else 1 if record.state in ALIVE else 2


def _is_copy(name: str, of: str) -> bool:
    number = name.removeprefix(f"{of}-")
    return number != name and len(number) == 2 and number.isdecimal()


def _digests(settings: Settings) -> set[str]:
    """Return the digest of a run's settings, and that with the settings it was made without.

    A run of an earlier version lacks settings that have come since.
    """
    found = {cell_digest(settings)}
    if not _every_key() - settings.keys():
        return found
    try:
        return found | {settings_digest(make_config(nested(settings)))}
    except ConfigError:  # of a later version, or none
        return found


@cache
def _every_key() -> frozenset[str]:
    return frozenset(flatten(RunConfig().model_dump()))
