"""The state of a run: from its head, the age of its heartbeat and the list of processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from store_kit import new_writer, note, row, small_manifest

from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.process import this_host, this_process
from asgml.storage.format.status import ALIVE, ENDED, STATES, State
from asgml.storage.read.reader import Run
from asgml.storage.write.writer import RunWriter

SECOND = 1_000_000_000


def launch(paths: RunPaths, pid: int, start: int = 0, host: str | None = None) -> None:
    paths.root.mkdir(exist_ok=True)
    record = {
        "pid": pid,
        "process_start": start,
        "host": host or this_host(),
        "created": time.time(),
    }
    paths.launch.write_text(json.dumps(record))


def dead_pid() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def cut_off(
    root: Path, state: State = State.RUNNING, host: str | None = None, pid: int | None = None
) -> Run:
    """A run whose writer fell silent in that state."""
    from dataclasses import replace

    from store_kit import abandon

    writer = (
        new_writer(root)
        if host is None
        else RunWriter.create(RunPaths(root), replace(small_manifest(), host=host))
    )
    writer.append("steps", row("steps", 1))
    writer.mark(state)
    if pid is not None:
        writer._publisher.head = replace(writer._publisher.head, pid=pid)
    writer.flush()
    abandon(writer)
    return Run.open(root)


@pytest.mark.parametrize("state", [State.STARTING, State.RUNNING, State.PAUSED, State.STOPPING])
def test_a_silent_trainer_that_lives_is_stale(tmp_path: Path, state: State) -> None:
    run = cut_off(tmp_path / "run-01", state)
    assert run.head is not None
    assert run.state(run.head.heartbeat + 9 * SECOND) == state.label
    assert run.state(run.head.heartbeat + 11 * SECOND) == "stale"
    assert run.silent_for(run.head.heartbeat + 11 * SECOND) == pytest.approx(11)
    assert run.silent_for(run.head.heartbeat - SECOND) == 0


def test_a_trainer_that_is_gone_has_crashed(tmp_path: Path) -> None:
    run = cut_off(tmp_path / "run-01", pid=dead_pid())
    assert run.head is not None
    assert run.state(run.head.heartbeat + SECOND) == "running"
    assert run.state(run.head.heartbeat + 3 * SECOND) == "crashed"


def test_of_another_host_a_reader_only_knows_that_it_is_silent(tmp_path: Path) -> None:
    run = cut_off(tmp_path / "run-01", host="elsewhere", pid=dead_pid())
    assert run.head is not None
    assert run.state(run.head.heartbeat + 3 * SECOND) == "running"
    assert run.state(run.head.heartbeat + 60 * SECOND) == "stale"


def test_the_host_is_that_of_the_last_start(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        writer.event(Event("started", 0, 1.0, 0.0, 0, {"host": "first"}))
        writer.event(Event("resumed", 0, 2.0, 0.0, 1, {"host": "second"}))
    assert Run.open(tmp_path / "run-01").host == "second"


def test_slow_steps_are_waited_for(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "run-01")
    for step in range(1, 6):
        writer.append("steps", [step, 1000.0 + 30 * step, *row("steps", step)[2:]])
    writer.mark(State.RUNNING)
    writer.flush()
    run = Run.open(tmp_path / "run-01")
    assert run.head is not None
    assert run.state(run.head.heartbeat + 140 * SECOND) == "running"
    assert run.state(run.head.heartbeat + 160 * SECOND) == "stale"
    writer.close()


@pytest.mark.parametrize("state", [State.FINISHED, State.FAILED, State.STOPPED])
def test_an_ended_run_stays_ended(tmp_path: Path, state: State) -> None:
    new_writer(tmp_path / "run-01").close(state)
    run = Run.open(tmp_path / "run-01")
    assert run.state(time.time_ns() + 10**6 * SECOND) == state.label


def test_a_stale_run_revives(tmp_path: Path) -> None:
    run = cut_off(tmp_path / "run-01")
    assert run.head is not None
    later = run.head.heartbeat + 60 * SECOND
    assert run.state(later) == "stale"
    writer = RunWriter.resume(RunPaths(tmp_path / "run-01"))
    writer.mark(State.RUNNING)
    writer.flush()
    run.refresh()
    assert run.state() == "running"
    writer.close()


def test_before_the_store_is_there_the_launched_process_decides(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "run-01")
    launch(paths, *this_process())
    paths.config.write_text("")
    assert Run.open(paths).state() == "starting"
    launch(
        paths, this_process()[0], this_process()[1] - 60_000
    )  # the id belongs to another process now
    assert Run.open(paths).state() == "failed"
    launch(paths, dead_pid())
    assert Run.open(paths).state() == "failed"


def test_refresh_tells_that_a_trainer_died_before_its_store_was_there(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "run-01")
    launch(paths, *this_process())
    paths.config.write_text("")
    run = Run.open(paths)
    assert not run.refresh()
    launch(paths, dead_pid())
    assert run.refresh() and run.state() == "failed"


def test_a_run_that_nobody_launched_fails_after_a_while(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "run-01")
    paths.root.mkdir()
    paths.config.write_text("")
    assert Run.open(paths).state() == "starting"
    os.utime(paths.config, (time.time() - 60, time.time() - 60))
    assert Run.open(paths).state() == "failed"
    paths.launch.write_text("{ half a file")
    assert Run.open(paths).state() == "failed"


def test_a_run_that_is_launched_again_is_starting(tmp_path: Path) -> None:
    run = cut_off(tmp_path / "run-01", pid=dead_pid())
    now = time.time_ns() + 5 * SECOND
    assert run.state(now) == "crashed"
    launch(run.paths, *this_process())
    assert run.state(now) == "starting"
    launch(run.paths, dead_pid())
    assert run.state(now) == "crashed"


def test_the_heartbeat_moves_while_there_is_nothing_to_say(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        writer.mark(State.PAUSED)
        writer.flush()
        run = Run.open(tmp_path / "run-01")
        assert run.head is not None
        first, patience = run.head.heartbeat, time.monotonic() + 60
        while run.head.heartbeat == first and time.monotonic() < patience:
            time.sleep(0.01)
            run.refresh()
        assert first < run.head.heartbeat
        assert run.head.state == State.PAUSED and run.rows("steps") == 0


def test_the_first_answer_to_a_command_counts(tmp_path: Path) -> None:
    with new_writer(tmp_path / "run-01") as writer:
        run = Run.open(tmp_path / "run-01")
        assert run.answer_to("id-7") is None
        writer.event(note(7, "heard"))
        writer.flush()
        run.refresh()
        answer = run.answer_to("id-7")
        assert answer is not None and answer.get("note") == "heard"
        writer.event(note(7, "again"))
        writer.flush()
        run.refresh()
    assert len(run.events) == 2 and run.answer_to("id-7") == answer
    assert run.answer_to("id-8") is None


def test_knobs_follow_the_events(tmp_path: Path) -> None:
    def change(
        step: int, knob: str, after: float, answer: str = "applied", segment: int = 0
    ) -> Event:
        fields = {
            "id": f"{step}",
            "command": "set",
            "answer": answer,
            "knob": knob,
            "before": 0,
            "after": after,
        }
        return Event("command", step, 1000.0 + step + 100 * segment, step / 10, segment, fields)

    root = tmp_path / "run-01"
    with new_writer(root) as writer:
        writer.event(Event("started", 0, 1000.0, 0.0, 0, {"knobs": {"lr": 0.2}}))
        writer.event(change(10, "lr", 0.3))
        writer.event(change(15, "lr", 9.0, answer="rejected"))
        writer.event(change(20, "boost.alpha", 1.0))
        writer.event(
            Event(
                "command",
                25,
                1025.0,
                0.0,
                0,
                {"id": "n", "command": "note", "answer": "applied", "note": "x"},
            )
        )
    with RunWriter.resume(RunPaths(root)) as writer:
        writer.event(
            Event("resumed", 15, 1115.0, 0.0, 1, {"knobs": {"lr": 0.3, "boost.alpha": 0.5}})
        )
        writer.event(change(18, "lr", 0.4, segment=1))
    run = Run.open(root)
    assert run.knobs_at() == {"boost.alpha": 0.5, "lr": 0.4}
    assert run.knobs_at(step=0) == {"boost.alpha": 0.5, "lr": 0.2}
    assert run.knobs_at(step=10) == {"boost.alpha": 0.5, "lr": 0.3}
    assert run.knobs_at(step=30) == {
        "boost.alpha": 0.5,
        "lr": 0.4,
    }  # the change at 20 was undone by the resume
    assert run.knobs_at(wall_time=999.0) == {"boost.alpha": 0.5, "lr": 0.1}
    assert run.knobs_at(wall_time=1030.0) == {"boost.alpha": 1.0, "lr": 0.3}  # as it was known then
    assert run.knobs_at(step=12, wall_time=1030.0) == {"boost.alpha": 0.5, "lr": 0.3}


def test_a_change_that_a_resume_undid_does_not_count(tmp_path: Path) -> None:
    """Also where the resumed trainer did not say what its knobs were."""
    fields = {"id": "a", "command": "set", "answer": "applied", "knob": "lr"}
    with new_writer(tmp_path / "run-01") as writer:
        writer.event(Event("command", 10, 1010.0, 1.0, 0, {**fields, "after": 0.3}))
        writer.event(Event("command", 20, 1020.0, 2.0, 0, {**fields, "after": 0.9}))
    with RunWriter.resume(RunPaths(tmp_path / "run-01")) as writer:
        writer.event(Event("resumed", 15, 1115.0, 1.5, 1, {}))
    run = Run.open(tmp_path / "run-01")
    assert run.knobs_at()["lr"] == 0.3
    assert run.knobs_at(wall_time=1030.0)["lr"] == 0.9


def test_the_step_of_the_head_follows_the_rows_unless_it_is_marked(tmp_path: Path) -> None:
    def step_of(writer: RunWriter) -> int:
        assert writer.flush()
        return writer.head.step

    with new_writer(tmp_path / "run-01", flush_every=60) as writer:
        assert step_of(writer) == 0
        writer.append("steps", row("steps", 12))
        assert step_of(writer) == 12
        writer.mark(step=15, epoch=3)
        assert step_of(writer) == 15 and writer.head.epoch == 3
        writer.append("probes", row("probes", 99))
        assert step_of(writer) == 15


def test_every_state_is_alive_or_ended_but_for_stale() -> None:
    assert {state.label for state in State} | {"crashed", "stale"} == STATES
    assert not ALIVE & ENDED and {"stale"} == STATES - ALIVE - ENDED
    assert [state for state in State if state.ended] == [
        State.FINISHED,
        State.FAILED,
        State.STOPPED,
        State.DIVERGED,
    ]
