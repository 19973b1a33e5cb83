"""The index file: what was read of the runs of one folder, in SQLite in the user's cache.

It only saves time: a row counts for the very head that it was read with, and a file that is
damaged, of other code or of another folder is made anew. Nobody waits for it, nor fails by it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from asgml.storage.runs.reading import Content

WAIT_SECONDS = 2.0
"""Longest that a process waits while another one writes the index."""
FORGET_SECONDS = 90 * 86400
"""An index that nobody has written for so long is removed; it may be that of a removed folder."""
_MAKERS = (
    "reading.py", "chosen.py", "settings.py", "packed_metrics.py",
    "../read/summary.py", "../read/provenance.py", "../read/test_readings.py", "../read/changes.py",
    "../read/probe_gap.py",
)  # fmt: skip
_TABLES = """
CREATE TABLE folder (path TEXT NOT NULL);
CREATE TABLE runs (
  name TEXT PRIMARY KEY, stamp BLOB NOT NULL, facts TEXT NOT NULL, settings TEXT NOT NULL,
  shape TEXT NOT NULL, numbers TEXT NOT NULL, chosen TEXT NOT NULL, summary TEXT NOT NULL,
  sum INTEGER NOT NULL
) WITHOUT ROWID;
"""


class Row(NamedTuple):
    """What was read of a run, and the stamp of the files that it was read from."""

    stamp: bytes
    content: Content


class IndexFile:
    """The index of one folder of runs; one that cannot be used holds nothing and keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.path.realpath(folder)
        self._path = _place_of(self._folder)
        self._database = self._open() or self._renewed()

    def rows(self) -> dict[str, Row]:
        """Return what is known, by name of the run; rows with a wrong checksum are left out."""
        try:
            return self._rows()
        except (sqlite3.Error, ValueError):  # ValueError: a text that is no UTF-8
            self.close()
            self._database = self._renewed()
            return {}

    def keep(self, rows: dict[str, Row], gone: Iterable[str] = ()) -> None:
        """Write rows and remove those of runs that are gone; where that fails they are not kept."""
        database = self._database
        if database is None or not (rows or gone):
            return
        filled = [(name, *_values(row)) for name, row in rows.items()]
        with contextlib.suppress(sqlite3.Error, UnicodeEncodeError), database:
            database.executemany("DELETE FROM runs WHERE name = ?", [(name,) for name in gone])
            database.executemany("REPLACE INTO runs VALUES (?,?,?,?,?,?,?,?,?)", filled)

    def close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _rows(self) -> dict[str, Row]:
        if self._database is None:
            return {}
        found: dict[str, Row] = {}
        for name, stamp, *texts, checksum in self._database.execute("SELECT * FROM runs"):
            row = Row(stamp, Content(*texts))
            if _checksum(row) == checksum:
                found[name] = row
        return found

    def _open(self) -> sqlite3.Connection | None:
        """Return the index as it is, None where there is none that belongs to folder and code."""
        if not os.path.isfile(self._path):
            return None
        try:
            database = sqlite3.connect(self._path, timeout=WAIT_SECONDS, check_same_thread=False)
            (version,) = database.execute("PRAGMA user_version").fetchone()
            folders = database.execute("SELECT path FROM folder").fetchall()
        except (sqlite3.Error, ValueError):
            return None
        if version == schema() and folders == [(self._folder,)]:
            return database
        database.close()
        return None

    def _renewed(self) -> sqlite3.Connection | None:
        """Return a new, empty index at this path; None where it cannot be written."""
        aside = f"{self._path}.{os.getpid()}.partial"
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            _forget_old(os.path.dirname(self._path))
            with contextlib.closing(sqlite3.connect(aside)) as database, database:
                database.executescript(f"{_TABLES} PRAGMA user_version = {schema()};")
                database.execute("INSERT INTO folder VALUES (?)", (self._folder,))
            # renamed: a process that has the old one open goes on with it, and loses nothing
            os.replace(aside, self._path)
            return sqlite3.connect(self._path, timeout=WAIT_SECONDS, check_same_thread=False)
        except (OSError, sqlite3.Error, UnicodeEncodeError):
            with contextlib.suppress(OSError):
                os.unlink(aside)
            return None


def schema() -> int:
    """Return a number that changes with the code that reads a run, and so with what is kept."""
    here = Path(__file__).parent
    code = b"".join((here / name).read_bytes() for name in _MAKERS) + _TABLES.encode()
    return zlib.crc32(code) & 0x7FFFFFFF


def _place_of(folder: str) -> str:
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:20]
    return os.path.join(cache, "asgml", f"runs-{digest}.sqlite")


def _forget_old(cache: str) -> None:
    for entry in os.scandir(cache):
        old = entry.stat(follow_symlinks=False).st_mtime < time.time() - FORGET_SECONDS
        if entry.name.startswith("runs-") and old:
            with contextlib.suppress(OSError):
                os.unlink(entry.path)


def _values(row: Row) -> tuple[bytes | str | int, ...]:
    return (row.stamp, *row.content, _checksum(row))


def _checksum(row: Row) -> int:
    sum_ = zlib.crc32(row.stamp)
    for text in row.content:
        sum_ = zlib.crc32(text.encode("ascii"), sum_)
    return sum_
