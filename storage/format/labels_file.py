"""labels.json: the user's own marks on a run, read with bounds and types, written aside."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.typed import is_flag, is_names, is_text

FILE = "labels.json"
MAX_BYTES = 64 << 10
MAX_TAGS = 64
MAX_TEXT = 8_000
"""Most characters of a title, a tag or a note that are kept."""


def read_labels_file(path: Path) -> dict[str, Any]:
    """Return title, tags, note and archived, each only where it has its type.

    {} where there is no file; a file that is damaged, too large, a link or no file counts as none,
    for labels are the user's own words and change no number.
    """
    try:
        record = json.loads(read_bounded(path, MAX_BYTES, follow_links=False))
    except (OSError, ValueError, RecursionError, FormatError):
        return {}
    if not isinstance(record, dict):
        return {}
    checks = {"title": is_text, "tags": is_names, "note": is_text, "archived": is_flag}
    known = {key: record[key] for key, check in checks.items() if check(record.get(key))}
    return {key: _cut(value) for key, value in known.items()}


def write_labels_file(path: Path, labels: dict[str, Any]) -> None:
    """Write the labels beside the file, then rename. Raise OSError where that is not possible."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        aside.unlink(missing_ok=True)
        with aside.open("x", encoding="ascii") as file:  # never through a link
            file.write(json.dumps(labels, indent=1) + "\n")
        os.replace(aside, path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def _cut(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_cut(each) for each in value[:MAX_TAGS]]
    return value[:MAX_TEXT] if isinstance(value, str) else value
