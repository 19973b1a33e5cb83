"""The law of the store: the visible is a prefix of the recorded, in every interleaving."""

from __future__ import annotations

import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_kit import WIDTHS, new_writer, row

from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run
from asgml.storage.write.writer import RunWriter
from asgml.storage.write.written_array import WrittenArray

number = st.floats(allow_nan=True, allow_infinity=True, width=64)
text = st.text(max_size=30).filter(
    lambda line: "\n" not in line and not any("\ud800" <= sign <= "\udfff" for sign in line)
)
operation = st.one_of(
    st.tuples(st.just("append"), st.sampled_from(TABLES), st.integers(1, 5), number),
    st.tuples(
        st.just("append"), st.sampled_from(TABLES), st.sampled_from([700, 1024, 1500]), number
    ),
    st.tuples(st.just("event"), text),
    st.tuples(st.just("log"), text),
    st.tuples(st.just("flush")),
    st.tuples(st.just("refresh")),
    st.tuples(st.just("reopen")),
    st.tuples(st.just("resume")),
    st.tuples(st.just("break"), st.integers(0, 3)),
    st.tuples(st.just("mend")),
)


class Record:
    """Everything recorded, in order, and the check that a reader shows the beginning of it."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.rows: dict[str, list[list[float]]] = {str(table): [] for table in TABLES}
        self.events: list[Event] = []
        self.lines: list[str] = []

    def add_rows(self, writer: RunWriter, table: str, count: int, value: float) -> None:
        for _ in range(count):
            values = [len(self.order), value, -value, *[value] * (WIDTHS[table] - 3)]
            self.rows[table].append(values)
            self.order.append(table)
            writer.append(table, values)

    def check(self, run: Run) -> int:
        """Return how much is visible."""
        assert run.problems == []
        seen = {
            **{table: run.rows(table) for table in self.rows},
            "events": len(run.events),
            "log": len(run.log_lines),
        }
        for table, rows in self.rows.items():
            expected = np.array(rows[: seen[table]], np.float64).reshape(-1, WIDTHS[table])
            assert seen[table] <= len(rows)
            assert (
                run.table(table).tobytes() == expected.tobytes()
            )  # bit for bit, so that NaN is equal to NaN
        assert run.events == self.events[: seen["events"]]
        assert run.log_lines == self.lines[: seen["log"]]
        return self._prefix_of(seen)

    def _prefix_of(self, seen: dict[str, int]) -> int:
        """One mark publishes all: the counts are those of the first N entries, of whatever kind."""
        visible = sum(seen.values())
        assert Counter(self.order[:visible]) == Counter(
            {name: count for name, count in seen.items() if count}
        )
        return visible


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(operation, max_size=25))
def test_what_is_visible_is_a_prefix_of_what_was_recorded(
    operations: list[tuple[Any, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        paths = RunPaths(Path(folder) / "law-01")
        writer = new_writer(paths.root, flush_every=0.001)
        record, run, broken = Record(), Run.open(paths), Breakable(patch)
        visible = 0
        for name, *given_values in operations:
            if name == "append":
                record.add_rows(writer, *given_values)
            elif name in ("event", "log"):
                record_text(record, writer, name, *given_values)
            elif name == "flush":
                assert writer.flush() or (broken.active and writer.problem)
            elif name == "reopen":
                run = Run.open(paths)
            elif name == "break":
                broken.after(*given_values)
            elif name == "mend":
                broken.mend()
                assert writer.flush()
            elif name == "resume":
                broken.mend()
                writer.close(State.STOPPED)
                writer = RunWriter.resume(paths, flush_every=0.001)
            run.refresh()
            now_visible = record.check(run)
            assert now_visible >= visible
            visible = now_visible
        broken.mend()
        writer.close()
        run.refresh()
        assert record.check(run) == len(record.order)
        assert record.check(Run.open(paths)) == len(record.order)


def record_text(record: Record, writer: RunWriter, name: str, line: str) -> None:
    record.order.append("events" if name == "event" else "log")
    if name == "log":
        record.lines.append(line)
        writer.log(line)
        return
    event = Event("command", len(record.order), 1.5, 0.25, 0, {"note": line})
    record.events.append(event)
    writer.event(event)


class Breakable:
    """Makes every write of an array fail from the n-th on, as a full disk does."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.active = False
        self._left = 0
        write = WrittenArray.write_chunk

        def fail_or_write(array: WrittenArray, place: Any, value: Any) -> None:
            if self.active and self._left <= 0:
                raise OSError(28, "No space left on device")
            self._left -= 1
            write(array, place, value)

        patch.setattr(WrittenArray, "write_chunk", fail_or_write)

    def after(self, writes: int) -> None:
        self._left = writes
        self.active = True

    def mend(self) -> None:
        self.active = False


def test_several_threads_may_record_and_flush_at_once(tmp_path: Path) -> None:
    """Each thread's rows come in its order, all of them, once."""
    tables, count = [str(table) for table in TABLES], 3000
    with new_writer(tmp_path / "law-02", flush_every=0.001) as writer:

        def record(table: str) -> None:
            for step in range(count):
                writer.append(table, row(table, step))
                if step % 250 == 0:
                    writer.flush()

        with ThreadPoolExecutor(len(tables)) as pool:
            list(pool.map(record, tables))
    run = Run.open(tmp_path / "law-02")
    assert all(run.column(table, "step").tolist() == list(range(count)) for table in tables)
