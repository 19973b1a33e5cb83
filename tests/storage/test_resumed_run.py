"""A resumed run goes on after its published rows; of repeated steps the newest are shown."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_kit import abandon, new_writer, note, rows_of, write_steps

from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import FormatError
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run
from asgml.storage.read.segments import step_limits
from asgml.storage.write.writer import RunWriter


def segments(root: Path, *stretches: range, events: bool = True) -> Run:
    """Make a run of several segments, each of one range of steps, resumed from a checkpoint."""
    for segment, steps in enumerate(stretches):
        writer = RunWriter.resume(RunPaths(root)) if segment else new_writer(root)
        if segment and events:
            resume_step, active = steps.start - 1, (steps.start - 1) / 10
            writer.event(
                Event("resumed", resume_step, 1000.0 + steps.start, active, segment, {"knobs": {}})
            )
        write_steps(writer, steps, segment)
        write_steps(writer, range(steps.start + 4, steps.stop, 5), segment, "probes")
        writer.close(State.STOPPED)
    return Run.open(root)


@pytest.mark.parametrize("published", [0, 1, 1023, 1024, 1025, 2048, 3000])
def test_the_published_rows_stay_and_new_ones_follow(tmp_path: Path, published: int) -> None:
    run = segments(
        tmp_path / "run-01", range(1, published + 1), range(published + 1, published + 1200)
    )
    expected = np.concatenate(
        [
            rows_of("steps", range(1, published + 1)),
            rows_of("steps", range(published + 1, published + 1200), 1),
        ]
    )
    assert np.array_equal(run.table("steps"), expected)
    assert run.current_rows("steps").all()


def test_every_resume_counts_a_segment_and_keeps_the_texts(tmp_path: Path) -> None:
    root = tmp_path / "run-01"
    with new_writer(root) as writer:
        writer.log("first life")
    for life in (1, 2, 3):
        with RunWriter.resume(RunPaths(root)) as writer:
            assert writer.segment == life
            writer.log(f"life {life}")
            writer.event(note(life, "again", life))
    run = Run.open(root)
    assert run.log_lines == ["first life", "life 1", "life 2", "life 3"]
    assert [event.segment for event in run.events] == [1, 2, 3]


def test_what_was_written_but_not_published_is_gone_after_a_resume(tmp_path: Path) -> None:
    """Data come before the mark: a writer that died between them leaves rows that stay unseen."""
    root = tmp_path / "run-01"
    writer = new_writer(root, flush_every=60)
    write_steps(writer, range(1, 101))
    writer.flush()
    abandon(writer)
    write_steps(writer, range(101, 3001))
    writer._publisher._take(writer._buffer.take())
    for tail in writer._publisher._tails:
        tail.write()
    leftover = root / "run.zarr" / "steps" / "c" / "0" / "0.abc.partial"
    leftover.write_text("torn")
    run = Run.open(root)
    assert run.rows("steps") == 100
    with RunWriter.resume(RunPaths(root)) as second:
        assert second.head.rows["steps"] == 100
        write_steps(second, range(101, 111), 1)
    run = Run.open(root)
    assert np.array_equal(run.column("steps", "step"), np.arange(1, 111))
    assert not leftover.exists()


def test_the_newest_segment_wins_where_steps_repeat(tmp_path: Path) -> None:
    run = segments(tmp_path / "run-01", range(1, 81), range(51, 101))
    current = run.table("steps")[run.current_rows("steps")]
    assert np.array_equal(current[:, 0], np.arange(1, 101))
    assert np.array_equal(current[:, 3], np.repeat([0, 1], 50))


@pytest.mark.parametrize("events", [True, False])
def test_rows_beyond_the_checkpoint_are_hidden_before_they_are_repeated(
    tmp_path: Path, events: bool
) -> None:
    """Probes come seldom: those of the lost steps must not stay until the next one."""
    run = segments(tmp_path / "run-01", range(1, 81), range(51, 53), events=events)
    assert run.column("probes", "step")[run.current_rows("probes")].max() == 50
    assert run.column("steps", "step")[run.current_rows("steps")].tolist() == list(range(1, 53))


def test_a_replay_hides_nothing_before_the_resume_happened(tmp_path: Path) -> None:
    run = segments(tmp_path / "run-01", range(1, 81), range(51, 101))
    assert run.current_rows("steps", rows=80, wall_time=1010.0).all()
    assert run.current_rows("steps", rows=80).sum() == 50


def test_a_resume_from_an_earlier_checkpoint_hides_two_segments(tmp_path: Path) -> None:
    run = segments(tmp_path / "run-01", range(1, 81), range(51, 101), range(31, 41))
    current = run.table("steps")[run.current_rows("steps")]
    assert current[:, 0].tolist() == list(range(1, 41))
    assert set(current[:30, 3]) == {0.0} and set(current[30:, 3]) == {2.0}


@given(st.dictionaries(st.integers(1, 6), st.integers(0, 100)))
def test_the_limit_of_a_segment_is_the_least_that_a_later_one_went_on_from(
    resume_steps: dict[int, int],
) -> None:
    limits = step_limits(resume_steps)
    for segment in range(7):
        later = [step for number, step in resume_steps.items() if number > segment]
        assert limits.get(segment, math.inf) == min(later, default=math.inf)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12)), min_size=1, max_size=4))
def test_current_rows_are_the_steps_of_one_unbroken_run(
    tmp_path_factory: pytest.TempPathFactory, lives: list[tuple[int, int]]
) -> None:
    """However often a run is resumed: its current rows are the last recorded of each step."""
    stretches, reached = [range(1, lives[0][1] + 1)], lives[0][1]
    for back, length in lives[1:]:
        start = max(reached - back, 0)
        stretches.append(range(start + 1, start + length + 1))
        reached = start + length
    run = segments(tmp_path_factory.mktemp("lives") / "run-01", *stretches)
    steps = run.column("steps", "step")
    counts = run.current_rows("steps")
    assert steps[counts].tolist() == list(range(1, reached + 1))
    assert all(step not in steps[index + 1 :] for index, step in enumerate(steps) if counts[index])


def test_there_must_be_something_to_resume(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no run to resume"):
        RunWriter.resume(RunPaths(tmp_path))


def test_a_run_is_not_created_over_another(tmp_path: Path) -> None:
    new_writer(tmp_path / "run-01").close()
    with pytest.raises(FormatError, match="holds a run already"):
        new_writer(tmp_path / "run-01")
    assert Run.open(tmp_path / "run-01").state() == "finished"


def test_half_a_store_is_replaced(tmp_path: Path) -> None:
    """A trainer that was killed while it made its store left no head: there was never a run."""
    store = tmp_path / "run-01" / "run.zarr"
    new_writer(tmp_path / "run-01").close()
    for path in (store / "head" / "c" / "0", store / "head" / "zarr.json"):
        path.unlink()
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 3))
    assert Run.open(tmp_path / "run-01").rows("steps") == 2


def test_a_run_whose_last_rows_are_damaged_is_not_written_on(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "run-01")
    with new_writer(paths.root) as writer:
        write_steps(writer, range(1, 11))
    chunk, metadata = paths.store / "steps/c/0/0", paths.store / "steps/zarr.json"
    before = chunk.read_bytes()
    chunk.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    with pytest.raises(FormatError, match="steps: its last rows cannot be read"):
        RunWriter.resume(paths)
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(FormatError, match="is no regular file"):
        RunWriter.resume(paths)
    chunk.unlink()
    chunk.write_bytes(before)
    text = metadata.read_text()
    metadata.write_text("[1]")
    with pytest.raises(FormatError, match="holds no JSON object"):
        RunWriter.resume(paths)
    metadata.write_text(text)
    assert not paths.lock.exists()
    RunWriter.resume(paths).close()
    assert Run.open(paths).rows("steps") == 10
