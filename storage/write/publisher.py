"""The publication of recorded rows and texts: data first, then the head; or kept for a new try."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from asgml.storage.format.events import MAX_STEP, Event
from asgml.storage.format.metrics import AXES, TABLES
from asgml.storage.format.safe_text import error_line
from asgml.storage.format.status import TEXTS, Head
from asgml.storage.write.array_tail import ArrayTail
from asgml.storage.write.open_store import OpenStore
from asgml.storage.write.write_buffer import MAX_ROWS, MAX_TEXT_BYTES, Batch
from asgml.storage.write.written_array import WrittenArray

Rows = npt.NDArray[np.float64]
ToArray = Callable[[list[Any]], Rows]


class Publisher:
    """The end of every array, and the last published mark.

    `problem`: why the last try failed, None where it did not. `to_array` turns a batch of rows of
    one table into float64 numbers, shape (rows, columns).
    """

    def __init__(self, store: OpenStore, to_array: ToArray | None) -> None:
        head = store.head
        self._paths = store.paths
        self._to_array = to_array or _as_floats
        arrays = {
            str(name): WrittenArray(store.paths.store, store.group, str(name))
            for name in (*TABLES, *TEXTS, "head")
        }
        self._head_array = arrays["head"]
        self._tables = {str(name): ArrayTail(arrays[name], head.rows[name]) for name in TABLES}
        self._texts = {text: ArrayTail(arrays[text], head.text_bytes[text]) for text in TEXTS}
        self._tails = [*self._tables.values(), *self._texts.values()]
        self._marks: dict[str, Any] = {"state": head.state, "step": head.step, "epoch": head.epoch}
        self._seq = head.seq
        self._active_time = 0.0
        self._lost: Counter[str] = Counter()
        self.head = head
        self.problem: str | None = None

    @property
    def unfinished(self) -> bool:
        """True while something waits for another try, or a loss is still to be reported."""
        return self.problem is not None or bool(self._lost)

    def publish(self, batch: Batch, *, last: bool = False) -> bool:
        """Publish the batch and the rest from before. Return False where it failed: see `problem`.

        `last`: cut the arrays to their lengths too.
        """
        self._take(batch)
        try:
            self._write(last)
        except Exception as error:  # noqa: BLE001 - each store fails in its own way
            self.problem = f"cannot write {self._paths.store}: {error_line(error)}"
            self._keep_bounded()
            return False
        self.problem = None
        return True

    def _write(self, last: bool) -> None:
        if not (self._paths.store / "zarr.json").exists():
            raise FileNotFoundError("the store was removed")
        if self.problem is None:  # during an outage each try would report the losses again
            self._report_losses()
        for tail in self._tails:
            tail.write()
            if last:
                tail.trim()
        head = self._next_head()
        self._head_array.write_chunk(0, np.array(head.to_slots(), np.int64))
        self.head = head
        for tail in self._tails:
            tail.commit()

    def _next_head(self) -> Head:
        """Return the head of this try."""
        # each try has its number: a head that was written although its write reported an error
        # must not hide the next one
        self._seq += 1
        # it moves even where the clock was set back: readers take it for the sign of life
        heartbeat = max(time.time_ns(), self.head.heartbeat + 1)
        rows = {table: tail.total for table, tail in self._tables.items()}
        text_bytes = {text: tail.total for text, tail in self._texts.items()}
        return replace(
            self.head,
            seq=self._seq,
            heartbeat=heartbeat,
            rows=rows,
            text_bytes=text_bytes,
            **self._marks,
        )

    def _take(self, batch: Batch) -> None:
        self._marks |= batch.marks
        self._lost += batch.lost
        for table, rows in batch.rows.items():
            if rows:
                self._add_rows(table, self._numbers(table, rows))
        for text, lines in batch.texts.items():
            self._add_lines(text, lines)

    def _add_rows(self, table: str, numbers: Rows) -> None:
        self._tables[table].add(numbers)
        if table == "steps" and len(numbers) and _has_a_place(numbers[-1]):
            self._marks["step"] = int(numbers[-1, 0])
            self._active_time = float(numbers[-1, 2])

    def _add_lines(self, text: str, lines: list[bytes]) -> None:
        if self._texts[text].unpublished > MAX_TEXT_BYTES:
            self._lost[text] += len(lines)
        else:
            self._texts[text].add(np.frombuffer(b"".join(lines), np.uint8))

    def _numbers(self, table: str, rows: list[Any]) -> Rows:
        """Return the batch as numbers, without the rows that are none: those count as lost."""
        try:
            return self._checked_numbers(table, rows)
        except Exception as error:  # noqa: BLE001 - rows may be of any type
            if len(rows) > 1:  # one bad row must not take the others with it
                return np.concatenate([self._numbers(table, [row]) for row in rows])
            self._lost[f"{table} ({error_line(error)[:200]})"] += 1
            return np.empty((0, self._tables[table].width))

    def _checked_numbers(self, table: str, rows: list[Any]) -> Rows:
        numbers = np.asarray(self._to_array(rows), np.float64)
        expected = (len(rows), self._tables[table].width)
        if numbers.shape != expected:
            raise ValueError(f"a batch of shape {numbers.shape}, expected {expected}")
        return numbers

    def _keep_bounded(self) -> None:
        for table, tail in self._tables.items():
            while tail.unpublished > MAX_ROWS:
                self._lost[table] += tail.thin()

    def _report_losses(self) -> None:
        """Record an alert for everything that had to be dropped, once per outage."""
        for what, count in self._lost.items():
            message = f"{count} rows or lines of {what} could not be recorded"
            fields = {"level": "error", "message": message, "column": None, "value": count}
            step, segment = self._marks["step"], self.head.segment
            alert = Event("alert", step, time.time(), self._active_time, segment, fields)
            self._texts["events"].add(np.frombuffer(alert.to_line(), np.uint8))
        self._lost.clear()


def _has_a_place(row: Rows) -> bool:
    """Return True for a row whose step a head can hold."""
    return bool(np.isfinite(row[: len(AXES)]).all() and 0 <= row[0] <= MAX_STEP)


def _as_floats(rows: list[Any]) -> Rows:
    return np.asarray(rows, np.float64)
