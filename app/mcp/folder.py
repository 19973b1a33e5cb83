"""The folder of runs that an assistant may read: runs are found in it and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asgml.app.errors import NotFoundError
from asgml.app.lookup import find, open_run
from asgml.storage.format.layout import RunPaths, is_run

if TYPE_CHECKING:
    from asgml.storage.read.reader import Run


@dataclass(frozen=True)
class Folder:
    """A folder of runs."""

    path: Path

    def find(self, run: str) -> RunPaths:
        """Return the run of a name, `plan/run`, title, unique prefix, or `latest`.

        Raise NotFoundError for a path, and for a run that a link leads to outside.
        """
        self.check(run)
        inside = self.path / run
        # a name is looked for in the folder, never in the current directory
        paths = RunPaths(inside.resolve()) if is_run(inside) else find(run, self.path)
        if not self.holds(paths.root):
            raise _no_name(run)
        return paths

    def check(self, name: str) -> None:
        """Raise NotFoundError for a path or a link: what is meant must lie in this folder."""
        if os.path.isabs(name) or name.startswith(("~", ".")) or ".." in name.split("/"):
            raise _no_name(name)
        if "\0" in name or not self.holds(self.path / name):
            raise _no_name(name)

    def holds(self, path: Path) -> bool:
        """Return True for what lies in this folder and is no link that leads outside."""
        root = os.path.realpath(self.path)
        return os.path.commonpath([root, os.path.realpath(path)]) == root

    def open(self, run: str) -> Run:
        """Return the run, read up to now. Raise as `find`."""
        return open_run(self.find(run))


def _no_name(given: str) -> NotFoundError:
    return NotFoundError(f"{given[:100]!r}: expected the name of a run, such as list_runs gives")
