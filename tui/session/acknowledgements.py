"""What the user has acknowledged of a run's alerts, in this dashboard or anywhere else."""

from __future__ import annotations

import os

from asgml.storage.alerts.acknowledged import acknowledged_file, read_acknowledged
from asgml.storage.format.layout import RunPaths


class Acknowledgements:
    """The ids of acknowledged alerts; the file is read again only where it has changed."""

    def __init__(self, paths: RunPaths) -> None:
        self._paths = paths
        self._file = str(acknowledged_file(paths))
        self._seen: tuple[int, int, int] | None = None
        self._ids: frozenset[str] = frozenset()

    def ids(self) -> frozenset[str]:
        """Return the ids as they are now; a file that cannot be read holds none."""
        try:
            status = os.lstat(self._file)
        except OSError:
            self._seen, self._ids = None, frozenset()
            return self._ids
        now = (status.st_ino, status.st_size, status.st_mtime_ns)
        if now != self._seen:
            self._seen, self._ids = now, read_acknowledged(self._paths)
        return self._ids
