"""A store that cannot be written: nothing is lost or comes twice, and `problem` says why."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from store_kit import WIDTHS, new_writer, note, row, rows_of, write_steps

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run
from asgml.storage.write import publisher, write_buffer
from asgml.storage.write.writer import RunWriter, StoreWriteError
from asgml.storage.write.written_array import WrittenArray


class Disk:
    """A disk that is full while `full` is set. `spare` writes still succeed."""

    def __init__(self) -> None:
        self.full = False
        self.spare = 0


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk, write = Disk(), WrittenArray.write_chunk

    def write_or_fail(array: WrittenArray, place: Any, value: Any) -> None:
        if disk.full and disk.spare <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        disk.spare -= 1
        write(array, place, value)

    monkeypatch.setattr(WrittenArray, "write_chunk", write_or_fail)
    return disk


@pytest.fixture
def writer(tmp_path: Path, disk: Disk) -> Iterator[RunWriter]:
    writer = new_writer(tmp_path / "run-01", flush_every=60)
    yield writer
    disk.full = False
    writer.close()


@pytest.mark.parametrize("spare", [0, 1, 2, 3, 4])
def test_a_full_disk_publishes_nothing_and_loses_nothing(
    writer: RunWriter, disk: Disk, tmp_path: Path, spare: int
) -> None:
    run = Run.open(tmp_path / "run-01")
    write_steps(writer, range(1, 11))
    assert writer.flush()
    disk.full, disk.spare = True, spare
    write_steps(writer, range(11, 2500))
    writer.append("probes", row("probes", 11))
    writer.event(note(11, "while it was full"))
    assert not writer.flush()
    run.refresh()
    assert run.rows("steps") == 10 and run.rows("probes") == 0 and run.events == []
    disk.full = False
    write_steps(writer, range(2500, 2600))
    assert writer.flush()
    run.refresh()
    assert np.array_equal(run.table("steps"), rows_of("steps", range(1, 2600)))
    assert run.rows("probes") == 1 and [event.get("note") for event in run.events] == [
        "while it was full"
    ]


def test_the_problem_is_one_line_and_goes_away(writer: RunWriter, disk: Disk) -> None:
    assert writer.problem is None
    disk.full = True
    writer.append("steps", row("steps", 1))
    writer.flush()
    assert (
        writer.problem is not None
        and "No space left" in writer.problem
        and "\n" not in writer.problem
    )
    disk.full = False
    writer.flush()
    assert writer.problem is None


def test_a_mark_that_was_written_although_it_failed_hides_nothing(
    writer: RunWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network store may report an error for a write that took place."""
    write = WrittenArray.write_chunk

    def write_and_fail(array: WrittenArray, place: Any, value: Any) -> None:
        write(array, place, value)
        if array.name == "head":
            raise OSError("the answer was lost")

    run = Run.open(tmp_path / "run-01")
    manifest = run.manifest
    with monkeypatch.context() as patch:
        patch.setattr(WrittenArray, "write_chunk", write_and_fail)
        write_steps(writer, range(1, 11))
        assert not writer.flush()
        run.refresh()
    write_steps(writer, range(11, 21))
    assert writer.flush()
    run.refresh()
    assert np.array_equal(run.table("steps"), rows_of("steps", range(1, 21)))
    assert run.manifest is manifest  # it was not taken for another run, and read anew


def test_rows_that_are_thinned_after_they_were_written_are_written_again(
    writer: RunWriter, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first chunk reached the disk before it was full; the mark did not."""
    monkeypatch.setattr(publisher, "MAX_ROWS", 1500)
    disk.full, disk.spare = True, 1
    write_steps(writer, range(1, 2001))
    assert not writer.flush()
    disk.full = False
    assert writer.flush()
    run = Run.open(tmp_path / "run-01")
    steps = run.column("steps", "step")
    assert len(steps) == 1500 and np.array_equal(steps[:1000], np.arange(1, 1001))
    assert np.array_equal(steps[1000:], np.arange(1001, 2001, 2))


def test_the_state_marked_during_an_outage_is_published_after_it(
    writer: RunWriter, disk: Disk, tmp_path: Path
) -> None:
    disk.full = True
    writer.mark(State.PAUSED, step=7, epoch=2)
    assert not writer.flush()
    disk.full = False
    assert writer.flush()
    head = Run.open(tmp_path / "run-01").head
    assert head is not None and (head.state, head.step, head.epoch) == (State.PAUSED, 7, 2)


def test_memory_is_bounded_and_what_was_dropped_is_told(
    writer: RunWriter, disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "MAX_ROWS", 1000)
    write_steps(writer, range(1, 11))
    writer.flush()
    disk.full = True
    for first in range(11, 10_011, 400):
        write_steps(writer, range(first, first + 400))
        writer.flush()
        assert writer._publisher._tables["steps"].unpublished <= 1000
    disk.full = False
    assert writer.flush()
    writer.flush()
    run = Run.open(tmp_path / "run-01")
    seen = run.column("steps", "step")
    assert np.array_equal(run.table("steps"), np.array([row("steps", int(step)) for step in seen]))
    assert np.array_equal(seen[:10], np.arange(1, 11)) and (np.diff(seen) > 0).all()
    assert np.array_equal(seen[10:400], np.arange(11, 401))  # the oldest are thinned last
    alerts = [event for event in run.events if event.kind == "alert"]
    assert [event.get("value") for event in alerts] == [10_010 - len(seen)]
    assert "steps" in alerts[0].get("message")


def test_the_list_is_bounded_while_the_background_thread_hangs(
    writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_buffer, "MAX_ROWS", 100)
    monkeypatch.setattr(write_buffer, "MAX_TEXT_BYTES", 1000)
    with writer._publishing:
        write_steps(writer, range(1, 1001))
        for number in range(500):
            writer.log(f"line {number}")
        batch = writer._buffer.take()
    assert len(batch.rows["steps"]) <= 101 and batch.lost["steps"] == 1000 - len(
        batch.rows["steps"]
    )
    assert batch.text_bytes < 1100 and batch.lost["log"] == 500 - len(batch.texts["log"])


def test_closing_on_a_full_disk_says_so_and_releases_the_run(disk: Disk, tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "run-02")
    disk.full = True
    writer.append("steps", row("steps", 1))
    with pytest.raises(StoreWriteError, match="No space left"):
        writer.close()
    disk.full = False
    RunWriter.resume(RunPaths(tmp_path / "run-02")).close()


def test_closing_on_a_full_disk_does_not_hide_the_first_error(disk: Disk, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as caught, new_writer(tmp_path / "run-02") as writer:
        disk.full = True
        writer.append("steps", [1 / 0] * WIDTHS["steps"])
    assert any("No space left" in note for note in caught.value.__notes__)


def test_a_store_that_was_removed_is_a_problem_not_a_ghost(
    writer: RunWriter, tmp_path: Path
) -> None:
    store, elsewhere = tmp_path / "run-01" / "run.zarr", tmp_path / "elsewhere"
    shutil.move(store, elsewhere)
    writer.append("steps", row("steps", 1))
    assert not writer.flush()
    assert writer.problem is not None and "removed" in writer.problem
    assert not store.exists()
    shutil.move(elsewhere, store)
    assert writer.flush()


def test_one_bad_row_does_not_take_the_others_with_it(writer: RunWriter, tmp_path: Path) -> None:
    write_steps(writer, range(1, 4))
    writer.append("steps", [1.0, 2.0])
    writer.append("steps", ["no number"] * WIDTHS["steps"])
    write_steps(writer, range(4, 6))
    assert writer.flush() and writer.flush()
    run = Run.open(tmp_path / "run-01")
    assert np.array_equal(run.table("steps"), rows_of("steps", range(1, 6)))
    assert sum(event.get("value") for event in run.events if event.kind == "alert") == 2


def test_a_directory_that_cannot_be_made_is_an_error_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        new_writer(tmp_path / "file" / "run-01")


@pytest.mark.parametrize("step", [-275.0, -1.0, 1e300, np.inf, np.nan])
def test_a_step_that_no_head_can_hold_is_a_row_and_no_mark(
    writer: RunWriter, tmp_path: Path, step: float
) -> None:
    write_steps(writer, range(1, 4))
    writer.append("steps", [step, *row("steps", 4)[1:]])
    assert writer.flush()
    run = Run.open(tmp_path / "run-01")
    assert run.rows("steps") == 4 and run.head is not None and run.head.step in (0, 3)
