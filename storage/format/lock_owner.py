"""The owner of a run's writer lock, as the lock file names it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from asgml.storage.format.process import is_alive, this_host


@dataclass(frozen=True)
class Owner:
    """The content of the lock file. `process_start` in unix milliseconds, `created` in unix seconds."""

    pid: int
    process_start: int
    host: str
    created: float

    @property
    def dead(self) -> bool:
        """Known to be gone. Of another host's process nothing is known from here."""
        return self.host == this_host() and not is_alive(self.pid, self.process_start)


def read_owner(path: Path) -> Owner | None:
    """The owner that the file names; None where there is no file or no readable content."""
    try:
        record = json.loads(path.read_bytes())
        return Owner(
            int(record["pid"]),
            int(record["process_start"]),
            str(record["host"]),
            float(record["created"]),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
