"""The preloaded process: its forks train as a trainer of its own does, and outlive it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from plan_kit import small_settings
from warm_kit import warm_python

from asgml.app.launcher import Process, start
from asgml.app.new_run import make_run
from asgml.app.plans.preloaded_parent import PreloadedError, PreloadedParent
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.metrics import TABLES
from asgml.storage.format.process import start_of
from asgml.storage.read.reader import Run, open_run

TIMES = ("wall_time", "active_time", "step_time")


@pytest.fixture
def parent(monkeypatch: pytest.MonkeyPatch) -> Iterator[PreloadedParent]:
    """A preloaded process, itself in a fork of the tests' process that has imported torch."""
    monkeypatch.setattr(
        "asgml.app.plans.preloaded_parent.preloaded_command",
        lambda: [*warm_python(ready=True), "-m", "asgml.core.preloaded"],
    )
    parent = PreloadedParent()
    yield parent
    parent.close()


def forked(parent: PreloadedParent) -> Callable[[RunPaths, Sequence[str]], Process]:
    def spawn(paths: RunPaths, arguments: Sequence[str]) -> Process:
        return parent.run(
            "worker", arguments, folder=paths.root, log=paths.trainer_log, environment={"MARK": "7"}
        )

    return spawn


def end_of(process: Process) -> int:
    until = time.monotonic() + 120
    while (code := process.poll()) is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    return code


def wait_for(paths: RunPaths, *states: str) -> Run:
    until, run = time.monotonic() + 120, open_run(paths.root)
    while run.state() not in states:
        assert time.monotonic() < until, run.state()
        time.sleep(0.05)
        run.refresh()
    return run


def best_weights(paths: RunPaths) -> bytes:
    return sorted(paths.checkpoints.glob("best-*.pt"))[-1].read_bytes()


def differing_columns(one: RunPaths, other: RunPaths) -> set[str]:
    """Return the columns in which two runs differ by a bit; empty tables have none."""
    found: set[str] = set()
    ours, theirs = open_run(one.root), open_run(other.root)
    for table in TABLES:
        assert ours.rows(table) == theirs.rows(table) or table == "system"
        if ours.rows(table) and table != "system":
            for column in ours.columns(table):
                pair = ours.column(table, column), theirs.column(table, column)
                if pair[0].tobytes() != pair[1].tobytes():
                    found.add(column)
    return found


def assert_same_training(one: RunPaths, other: RunPaths) -> None:
    assert open_run(one.root).rows("steps") > 10
    assert differing_columns(one, other) <= set(TIMES)
    assert best_weights(one) == best_weights(other)


def test_two_forks_train_as_a_process_that_is_not_forked_from_there(
    parent: PreloadedParent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = small_settings(method="ogm_ge+boost", batch_size=64).model_dump()
    runs = [make_run(settings, tmp_path, name) for name in ("one", "two", "own")]
    processes = [start(paths, spawn=forked(parent)) for paths in runs[:2]]
    monkeypatch.setattr(
        "asgml.app.launcher.worker_command",
        lambda: [*warm_python(ready=False), "-m", "asgml.core.worker"],
    )
    processes.append(start(runs[2]))
    assert [end_of(one.process) for one in processes] == [0, 0, 0], processes[0].last_log_lines()
    assert_same_training(runs[0], runs[2])
    assert_same_training(runs[1], runs[2])


@pytest.mark.slow
def test_a_fork_trains_as_a_python_of_its_own(tmp_path: Path) -> None:
    settings = small_settings(method="ogm_ge+boost", batch_size=64).model_dump()
    parent = PreloadedParent()
    fork, own = (make_run(settings, tmp_path, name) for name in ("fork", "own"))
    processes = [start(fork, spawn=forked(parent)), start(own)]
    assert [end_of(one.process) for one in processes] == [0, 0]
    parent.close()
    assert_same_training(fork, own)


def test_a_fork_is_a_process_of_its_own(parent: PreloadedParent, tmp_path: Path) -> None:
    paths = make_run(small_settings(epochs=500).model_dump(), tmp_path, "own")
    paths.trainer_log.write_text("earlier\n")
    trainer = start(paths, spawn=forked(parent))
    wait_for(paths, "running")
    pid = trainer.pid
    assert os.getsid(pid) == pid != os.getsid(0)
    launch = json.loads(paths.launch.read_text())
    assert (launch["pid"], launch["process_start"]) == (pid, start_of(pid))
    if sys.platform == "linux":
        assert os.readlink(f"/proc/{pid}/cwd") == str(paths.root)
        outputs = {os.readlink(f"/proc/{pid}/fd/{number}") for number in (1, 2)}
        assert outputs == {str(paths.trainer_log)}
        assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull
    os.kill(pid, signal.SIGHUP)  # a lost terminal
    parent.close()
    assert start_of(parent.pid) is None
    time.sleep(0.3)
    assert open_run(paths.root).state() == "running"
    os.kill(pid, signal.SIGTERM)
    wait_for(paths, "stopped")
    assert paths.trainer_log.read_text().startswith("earlier\n")


def test_trainers_go_on_where_the_parent_is_killed(parent: PreloadedParent, tmp_path: Path) -> None:
    paths = make_run(small_settings(epochs=10).model_dump(), tmp_path, "own")
    start(paths, spawn=forked(parent))
    os.kill(parent.pid, signal.SIGKILL)
    other = make_run(small_settings().model_dump(), tmp_path, "other")
    with pytest.raises(PreloadedError, match="has ended"):
        start(other, spawn=forked(parent))
    assert not parent.alive
    wait_for(paths, "finished")


def test_exit_codes_and_words_of_a_trainer_that_fails(
    parent: PreloadedParent, tmp_path: Path
) -> None:
    settings = small_settings(device="cuda:9").model_dump()
    trainer = start(make_run(settings, tmp_path, "bad"), spawn=forked(parent))
    assert end_of(trainer.process) == 1
    assert "cuda:9" in trainer.last_log_lines()[-1]
    killed = start(
        make_run(small_settings(epochs=500).model_dump(), tmp_path, "long"), spawn=forked(parent)
    )
    os.kill(killed.pid, signal.SIGKILL)
    assert end_of(killed.process) == -signal.SIGKILL


def test_what_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "asgml.app.plans.preloaded_parent.preloaded_command",
        lambda: [*warm_python(ready=True), "-m", "asgml.core.preloaded"],
    )
    parent = PreloadedParent(["no_such_module"])
    paths = make_run(small_settings().model_dump(), tmp_path, "own")
    with pytest.raises(PreloadedError, match="no_such_module"):
        start(paths, spawn=forked(parent))
    assert not paths.launch.exists()
    parent.close()


FORKS = """
import os, sys
from asgml.core.forked_program import Surroundings, become
sys.path.insert(0, sys.argv[1])
for number in "12":
    pid = os.fork()
    if pid == 0:
        become("drawing", [number], Surroundings(sys.argv[1], f"{number}.log", {"MARK": number}))
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
DRAWING = """
import atexit, os, random, sys, threading
import numpy
def main(arguments):
    atexit.register(print, "last words")
    threading.Timer(0.2, print, ["a thread's words"]).start()
    print(random.random(), numpy.random.random(), os.environ["MARK"], sys.argv, os.getcwd())
    sys.exit(int(arguments[0]))
"""


def test_a_forked_program_has_surroundings_and_random_numbers_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "drawing.py").write_text(DRAWING)
    said = subprocess.run(
        [sys.executable, "-P", "-c", FORKS, str(tmp_path)], capture_output=True, text=True
    )
    assert said.stdout == "1\n2\n", said.stderr
    first, second = ((tmp_path / f"{number}.log").read_text().splitlines() for number in "12")
    assert first[1:] == second[1:] == ["a thread's words", "last words"]
    drawn = np.array([line.split()[:2] for line in (first[0], second[0])], float)
    assert (drawn[0] != drawn[1]).all()
    assert first[0].split(" ", 2)[2] == f"1 ['drawing', '1'] {tmp_path}"
