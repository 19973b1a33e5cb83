"""The content of the data of a plan: is it still what a run has recorded?"""

from __future__ import annotations

from pathlib import Path

from asgml.core.data.arrays.array_file import sha256
from asgml.core.data.base import split_name
from asgml.storage.format.bounded_file import read_json_object
from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunPaths


class DataContent:
    """The digests of the files of arrays that a plan trains on, each computed once."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    def differs(self, paths: RunPaths, data: str) -> bool:
        """Return True where a run has recorded another content than `data` has now.

        False where the run recorded none, or `data` is no file of arrays.
        """
        recorded = _recorded(paths)
        now = self._digest(data) if recorded else ""
        return bool(now) and recorded != now

    def _digest(self, data: str) -> str:
        if data not in self._digests:
            name, path = split_name(data)
            file = Path(path or data)
            self._digests[data] = sha256(file) if not name and file.exists() else ""
        return self._digests[data]


def _recorded(paths: RunPaths) -> str:
    """Return the SHA-256 in a run's manifest, "" where there is none."""
    try:
        record = read_json_object(paths.store / "zarr.json")
        return str(record["attributes"]["data"]["sha256"])
    except (FormatError, OSError, KeyError, TypeError):
        return ""
