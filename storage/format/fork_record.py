"""The record of a fork, fork.json: the run and step that a training goes on from, and its changes.

The launcher writes it; the trainer reads it before there is a store, whose manifest then holds it
as `parent`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from asgml.storage.format import typed
from asgml.storage.format.bounded_file import read_json_object

_TYPES: dict[str, typed.Check] = {
    **dict.fromkeys(("run", "path"), typed.is_text),
    "step": typed.is_count,
    "changes": typed.is_object,
}


@dataclass(frozen=True)
class Fork:
    """The parent's name and path, the step, and {dotted key: {"before", "after"}}."""

    run: str
    path: str
    step: int
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def to_text(self) -> str:
        return json.dumps(self.as_json()) + "\n"


def read_fork(path: Path) -> Fork | None:
    """Return the record in a file, None for no file. Raise FormatError for a damaged one."""
    try:
        record = read_json_object(path)
    except FileNotFoundError:
        return None
    typed.refuse_other_types(record, _TYPES, ("run", "path", "step"), path.name)
    changes = record.get("changes", {})
    for change in changes.values():
        checks = dict.fromkeys(("before", "after"), lambda value: True)
        typed.refuse_other_types(change, checks, checks, f"{path.name}: a change")
    return Fork(record["run"], record["path"], record["step"], changes)
