"""What of a run's alerts has been delivered: a small file, so that a restart repeats nothing."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.typed import is_count, is_names

FILE = "alerts-sent.json"
MAX_BYTES = 1 << 20
_MOST_KEPT = 2_000


@dataclass
class Sent:
    """`events`: of so many events all is done. `done`: what is done of later ones and of silence.

    An entry of `done` is an alert's id and a target's name.
    """

    path: Path
    events: int = 0
    done: dict[str, None] = field(default_factory=dict)

    def has(self, id: str, target: str) -> bool:
        return f"{id} {target}" in self.done

    def add(self, id: str, target: str) -> None:
        """Note a delivery, on the disk before the next one begins. Raise OSError."""
        self.done[f"{id} {target}"] = None
        self.write()

    def advance(self, events: int) -> None:
        """Note that all is done of the first `events` events. Raise OSError."""
        if events <= self.events:
            return
        self.events = events
        kept = [entry for entry in self.done if not _is_before(entry, events)]
        self.done = dict.fromkeys(kept[-_MOST_KEPT:])
        self.write()

    def write(self) -> None:
        aside = self.path.with_name(f".{self.path.name}.partial")
        record = {"events": self.events, "done": list(self.done)}
        aside.unlink(missing_ok=True)
        with aside.open("x", encoding="ascii") as file:  # never through a link
            file.write(json.dumps(record) + "\n")
        os.replace(aside, self.path)


def read_sent(root: Path) -> Sent | None:
    """Return what was delivered of a run, None where nothing is known."""
    path = root / FILE
    try:
        record = json.loads(read_bounded(path, MAX_BYTES, follow_links=False))
    except (OSError, ValueError, RecursionError, FormatError):
        return None
    if not isinstance(record, dict) or not is_count(record.get("events")):
        return None
    done: list[str] = record["done"] if is_names(record.get("done")) else []
    return Sent(path, record["events"], dict.fromkeys(done))


def _is_before(entry: str, events: int) -> bool:
    id = entry.partition(" ")[0]
    return id.startswith("e") and id[1:].isdigit() and int(id[1:]) < events
