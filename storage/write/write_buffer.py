"""Everything recorded since the last publication, until the background thread takes it at once."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from asgml.storage.format.metrics import TABLES
from asgml.storage.format.status import TEXTS

MAX_ROWS = 1 << 18
"""Rows of one table that are kept while the store cannot be written: 84 MB at 40 columns."""
MAX_TEXT_BYTES = 1 << 24
"""Bytes of one text that are kept in that time: 16 MiB."""


@dataclass
class Batch:
    """Everything recorded in one stretch of time, in one piece: one mark publishes all of it."""

    rows: dict[str, list[Any]] = field(default_factory=lambda: {table: [] for table in TABLES})
    texts: dict[str, list[bytes]] = field(default_factory=lambda: {text: [] for text in TEXTS})
    marks: dict[str, Any] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    text_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.text_bytes or self.marks or any(self.rows.values()))


class WriteBuffer:
    """The lists that the training thread appends to, 1-2 µs a row; bounded, for a disk that hangs.

    Recording raises ValueError once the buffer is closed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batch = Batch()
        self._closed = False

    def __bool__(self) -> bool:
        return bool(self._batch)

    def append(self, table: str, row: Any) -> None:
        with self._lock:
            if self._closed:
                raise ValueError("the run is closed: nothing more can be recorded")
            rows = self._batch.rows[table]
            rows.append(row)
            if len(rows) > MAX_ROWS:
                self._thin(table, rows)

    def add_text(self, text: str, line: bytes) -> None:
        with self._lock:
            if self._closed:
                raise ValueError("the run is closed: nothing more can be recorded")
            if self._batch.text_bytes > MAX_TEXT_BYTES:
                self._batch.lost[text] += 1
                return
            self._batch.texts[text].append(line)
            self._batch.text_bytes += len(line)

    def mark(self, marks: dict[str, Any]) -> None:
        """Set fields of the next head; allowed when closed, for the last state."""
        with self._lock:
            self._batch.marks |= marks

    def take(self) -> Batch:
        """Return the batch so far and begin a new one."""
        with self._lock:
            batch, self._batch = self._batch, Batch()
        return batch

    def close(self) -> bool:
        """Refuse further rows and texts. Return True the first time."""
        with self._lock:
            first, self._closed = not self._closed, True
        return first

    def _thin(self, table: str, rows: list[Any]) -> None:
        """Drop every second row of the newer half."""
        before = len(rows)
        del rows[before // 2 :: 2]
        self._batch.lost[table] += before - len(rows)
