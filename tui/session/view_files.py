"""The files of saved views: one for a run, one for a folder of runs, in the user's state folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from asgml.storage.format.bounded_file import read_json_object
from asgml.storage.format.errors import FormatError
from asgml.tui.scene.saved_view import OF_FOLDER, restore_view, view_record
from asgml.tui.scene.view_state import View

MOST_FILES = 500
"""Views that are kept, the newest ones."""


class ViewFiles:
    """Saved views. Nothing is told where they cannot be read or written: they are a convenience."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def restore(self, view: View, run: Path) -> None:
        """Give a view what was saved for a run, else what was saved last for a run beside it."""
        own, beside = self._read(run), self._read(run.parent)
        restore_view(view, own or {key: beside[key] for key in OF_FOLDER if key in beside})

    def save(self, view: View, run: Path) -> None:
        """Save the view of a run, and for its folder what other runs begin with."""
        record = view_record(view)
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write(run, record)
            self._write(run.parent, {key: record[key] for key in OF_FOLDER})
            self._prune()

    def _path(self, of: Path) -> Path:
        digest = hashlib.sha256(os.fsencode(os.path.realpath(of))).hexdigest()[:32]
        return self._folder / f"{digest}.json"

    def _read(self, of: Path) -> dict[str, Any]:
        try:
            return read_json_object(self._path(of), follow_links=False)
        except (FormatError, OSError):
            return {}

    def _write(self, of: Path, record: dict[str, Any]) -> None:
        path = self._path(of)
        partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
        try:
            partial.write_text(json.dumps({"of": str(of), **record}), encoding="utf-8")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)

    def _prune(self) -> None:
        files = list(self._folder.glob("*.json"))
        if len(files) > MOST_FILES:
            files.sort(key=lambda path: path.stat().st_mtime)
            for path in files[:-MOST_FILES]:
                path.unlink(missing_ok=True)
