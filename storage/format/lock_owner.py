"""The owner of a run's writer lock, as the lock file names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asgml.storage.format.bounded_file import read_json_object
from asgml.storage.format.errors import FormatError
from asgml.storage.format.process import is_alive, this_host


@dataclass(frozen=True)
class Owner:
    """The owner of a lock. `process_start` in unix milliseconds, `created` in unix seconds."""

    pid: int
    process_start: int
    host: str
    created: float

    @property
    def dead(self) -> bool:
        """True where it is known to be gone; nothing is known of a process of another host."""
        return self.host == this_host() and not is_alive(self.pid, self.process_start)


def read_owner(path: Path) -> Owner | None:
    """Return the owner that the file names; None without a file or readable content."""
    try:
        record = read_json_object(path)
        return Owner(
            int(record["pid"]),
            int(record["process_start"]),
            str(record["host"]),
            float(record["created"]),
        )
    except (FormatError, OSError, ValueError, TypeError, KeyError, OverflowError):
        return None
