"""Clocks: live shows all, replay moves in seconds of training; rows and events agree."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from store_kit import new_writer, note, row, write_steps

from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.read.clock import LiveClock, Moment, ReplayClock
from asgml.storage.read.reader import Run
from asgml.storage.write.writer import RunWriter


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """100 steps, each 0.1 s of training and 1 s on the wall; a probe each 10, events at 5, 15 …"""
    root = tmp_path_factory.mktemp("clock") / "run-01"
    with new_writer(root) as writer:
        writer.event(Event("started", 0, 1000.0, 0.0, 0, {"knobs": {"lr": 0.2}}))
        for step in range(1, 101):
            writer.append("steps", row("steps", step))
            if step % 10 == 0:
                writer.append("probes", row("probes", step))
            if step % 10 == 5:
                writer.event(note(step, "half way"))
    return Run.open(root)


def test_live_is_everything_that_is_published(run: Run) -> None:
    assert LiveClock().moment(run) == Moment(100, math.inf, True)


def test_a_replay_moves_by_seconds_of_training(run: Run) -> None:
    clock = ReplayClock(run, speed=2.0)
    clock.tick(50.0)
    assert clock.row == 0 and not clock.playing
    clock.play()
    clock.tick(51.02)
    assert clock.row == 20 and clock.position == pytest.approx(2.04)
    clock.speed = 10.0
    clock.tick(51.27)
    assert clock.row == 45
    clock.pause()
    clock.tick(60.0)
    assert clock.row == 45
    clock.play()
    clock.tick(60.051)
    assert clock.row == 50


def test_a_replay_stops_at_the_end_and_starts_over(run: Run) -> None:
    clock = ReplayClock(run)
    clock.play()
    clock.tick(0.0)
    clock.tick(1e9)
    assert clock.row == 100 and clock.at_end and not clock.playing
    assert clock.moment(run) == Moment(100, math.inf, False)
    clock.toggle()
    assert clock.playing and clock.row == 0
    clock.toggle()
    assert not clock.playing


def test_time_that_goes_back_moves_nothing(run: Run) -> None:
    clock = ReplayClock(run)
    clock.play()
    clock.tick(10.0)
    clock.tick(12.05)
    clock.tick(3.0)
    assert clock.row == 20 and clock.position == pytest.approx(2.05)


@pytest.mark.parametrize(
    ("step", "row_after"), [(0, 0), (1, 1), (57, 57), (100, 100), (500, 100), (-3, 0)]
)
def test_seek_goes_to_the_last_row_of_a_step(run: Run, step: int, row_after: int) -> None:
    clock = ReplayClock(run)
    clock.seek(step)
    assert clock.row == row_after


def test_stepping_stays_inside(run: Run) -> None:
    clock = ReplayClock(run)
    clock.step(3)
    clock.step(-1)
    assert clock.row == 2
    clock.step(-10)
    assert clock.row == 0
    clock.end()
    clock.step(10)
    assert clock.row == 100
    clock.home()
    assert clock.row == 0


action = st.sampled_from(["tick", "step", "seek", "seek_row", "play", "pause", "end", "home"])


@settings(deadline=None)
@given(st.lists(st.tuples(action, st.integers(-30, 130)), max_size=12))
def test_rows_tables_and_events_always_agree(run: Run, actions: list[tuple[str, int]]) -> None:
    """Wherever the clock stands, the visible was recorded before the next row of `steps`."""
    clock, now = ReplayClock(run, speed=0.7), 0.0
    for action, number in actions:
        now += abs(number) / 20
        given_value = {
            "tick": (now,),
            "step": (number,),
            "seek": (number,),
            "seek_row": (number,),
        }.get(action, ())
        getattr(clock, action)(*given_value)
        moment = clock.moment(run)
        assert 0 <= moment.row <= 100
        if moment.row == 100:
            assert moment.wall_time == math.inf
            continue
        assert moment.wall_time < run.times("steps")[moment.row]
        assert moment.row == 0 or moment.wall_time >= run.times("steps")[moment.row - 1]
        assert run.rows_until("steps", moment.wall_time) == moment.row
        assert run.rows_until("probes", moment.wall_time) == moment.row // 10
        assert (
            run.events_until(moment.wall_time)
            == (1 if moment.wall_time >= 1000.0 else 0) + (moment.row + 5) // 10
        )


def test_what_happens_between_two_rows_appears_in_its_time(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        writer.append("steps", row("steps", 10))
        writer.event(Event("evaluation", 10, 1010.4, 1.4, 0, {}))
        writer.append("steps", row("steps", 20))
    run = Run.open(tmp_path / "run-01")
    clock = ReplayClock(run)
    clock.seek_row(1)
    clock.play()
    clock.tick(0.0)
    clock.tick(0.3)
    assert run.events_until(clock.moment(run).wall_time) == 0
    clock.tick(0.5)
    assert run.events_until(clock.moment(run).wall_time) == 1 and clock.row == 1


def test_the_next_row_is_never_ahead_of_its_time(tmp_path: Path) -> None:
    """The wall clock may have been set back, and so have gone slower than the training."""
    with new_writer(tmp_path / "run-01") as writer:
        for step in (10, 20):
            writer.append("steps", [step, 1000.0 + step / 100, *row("steps", step)[2:]])
    run = Run.open(tmp_path / "run-01")
    clock = ReplayClock(run)
    clock.seek_row(1)
    clock.play()
    clock.tick(0.0)
    clock.tick(0.9)
    moment = clock.moment(run)
    assert moment.row == 1 and run.rows_until("steps", moment.wall_time) == 1


def test_a_resumed_run_is_replayed_as_it_happened(tmp_path: Path) -> None:
    """The count of the second life starts at its checkpoint, lower than the first had come."""
    with new_writer(tmp_path / "run-01") as writer:
        write_steps(writer, range(1, 81))
    with RunWriter.resume(RunPaths(tmp_path / "run-01")) as writer:
        write_steps(writer, range(51, 101), segment=1)
    run = Run.open(tmp_path / "run-01")
    assert (np.diff(run.timeline()) >= 0).all() and run.timeline()[-1] == pytest.approx(8.0 + 4.9)
    clock = ReplayClock(run)
    clock.seek(60)
    assert clock.row == 90  # the newest life's step 60
    clock.seek_row(85)
    assert clock.row == 85
    clock.step(1)
    assert clock.row == 86


def test_rows_without_times_do_not_stop_the_clock(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        for step in (1, 2, 3):
            writer.append("steps", row("steps", step))
            writer.append("steps", [math.nan] * len(row("steps", 1)))
    run = Run.open(tmp_path / "run-01")
    clock = ReplayClock(run)
    rows = []
    for _ in range(6):
        clock.step(1)
        rows.append(clock.moment(run).row)
    assert rows == [1, 2, 3, 4, 5, 6]
    assert run.timeline() == pytest.approx([0.1, 0.1, 0.2, 0.2, 0.3, 0.3])
    assert not np.isnan(run.timeline()).any() and not np.isnan(run.times("steps")).any()


def test_a_clock_of_a_run_without_rows(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        writer.event(Event("failed", 0, 1000.0, 0.0, 0, {"error": "no data"}))
    run = Run.open(tmp_path / "run-01")
    clock = ReplayClock(run)
    clock.play()
    clock.tick(0.0)
    clock.tick(1.0)
    clock.seek(10)
    moment = clock.moment(run)
    assert moment.row == 0 and run.events_until(moment.wall_time) == 1


def test_times_never_go_back_although_the_clock_of_the_trainer_did(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        for step, wall_time in enumerate([10.0, 20.0, 5.0, 21.0], start=1):
            writer.append("steps", [step, wall_time, *row("steps", step)[2:]])
            writer.event(Event("phase", step, wall_time, 0.0, 0, {}))
    run = Run.open(tmp_path / "run-01")
    assert run.times("steps").tolist() == [10.0, 20.0, 20.0, 21.0]
    assert [run.rows_until("steps", wall_time) for wall_time in (9, 10, 20, 21)] == [0, 1, 3, 4]
    assert [run.events_until(wall_time) for wall_time in (9, 10, 20, 21)] == [0, 1, 3, 4]
