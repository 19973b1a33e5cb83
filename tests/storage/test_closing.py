"""However a program ends, its rows are published and its lock is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from store_kit import new_writer, row, write_steps

from asgml.storage.format.status import State
from asgml.storage.read.reader import Run

HERE = Path(__file__).resolve().parent
START = """
import sys, os, threading
from pathlib import Path
from store_kit import new_writer, row
writer = new_writer(Path(sys.argv[1]), flush_every=60)
for step in range(1, 1501):
    writer.append("steps", row("steps", step))
"""


def run_program(root: Path, ending: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    command = [sys.executable, "-c", START + ending, str(root)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("ending", "state", "code"),
    [
        ("writer.close()", "finished", 0),
        ("", "failed", 0),
        ("1 / 0", "failed", 1),
        ("sys.exit(3)", "failed", 3),
        ("with writer: 1 / 0", "failed", 1),
        ("with writer: raise KeyboardInterrupt", "stopped", 130),
        ("with writer: sys.exit(0)", "stopped", 0),
    ],
)
def test_nothing_is_lost_at_the_end_of_a_program(
    tmp_path: Path, ending: str, state: str, code: int
) -> None:
    done = run_program(tmp_path / "run-01", ending)
    assert done.returncode in (code, -2 if code == 130 else code), done.stderr
    assert "schedule new futures" not in done.stderr
    run = Run.open(tmp_path / "run-01")
    assert run.rows("steps") == 1500 and run.state() == state
    assert not run.paths.lock.exists()


def test_a_process_that_is_forked_off_does_not_end_the_run(tmp_path: Path) -> None:
    """Workers that load data are forked, and end while the training goes on."""
    ending = """
import multiprocessing
child = multiprocessing.get_context("fork").Process(target=print)
child.start()
child.join()
assert child.exitcode == 0
assert Path(sys.argv[1], "writer.lock").exists()
writer.append("steps", row("steps", 1501))
writer.close()
"""
    done = run_program(tmp_path / "run-01", ending)
    assert done.returncode == 0, done.stderr
    run = Run.open(tmp_path / "run-01")
    assert run.rows("steps") == 1501 and run.state() == "finished"


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "run-01")
    writer.close(State.STOPPED)
    writer.close(State.FAILED)
    assert Run.open(tmp_path / "run-01").state() == "stopped"


def test_a_closed_run_takes_nothing_more(tmp_path: Path) -> None:
    writer = new_writer(tmp_path / "run-01")
    write_steps(writer, range(1, 4))
    writer.close()
    for record in (lambda: writer.append("steps", row("steps", 4)), lambda: writer.log("late")):
        with pytest.raises(ValueError, match="the run is closed"):
            record()
    assert Run.open(tmp_path / "run-01").rows("steps") == 3


def test_rows_are_turned_into_numbers_later_and_in_batches(tmp_path: Path) -> None:
    import threading

    import numpy as np

    batches, threads = [], set()

    def to_array(rows: list[object]) -> np.ndarray:
        batches.append(len(rows))
        threads.add(threading.current_thread().name)
        return np.array([row("steps", int(step)) for step in rows])  # type: ignore[call-overload]

    with new_writer(tmp_path / "run-01", flush_every=0.05, to_array=to_array) as writer:
        for step in range(1, 101):
            writer.append("steps", step)
        while writer.head.rows["steps"] < 100:
            pass
    assert sum(batches) == 100 and threads == {"run-writer"}
    assert Run.open(tmp_path / "run-01").column("steps", "step").tolist() == list(range(1, 101))
