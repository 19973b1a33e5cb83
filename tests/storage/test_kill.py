"""A writer may be killed at any moment: no row is torn or empty, and the run goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from store_kit import problems_of, rows_of

from asgml.storage.format.layout import RunPaths
from asgml.storage.format.process import is_alive
from asgml.storage.read.reader import Run
from asgml.storage.write.writer import RunWriter

HERE = Path(__file__).resolve().parent


class Nursery:
    """Starts writers quickly."""

    def __init__(self) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "victim.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def start_writer(self, root: Path) -> int:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{root}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.process.stdin.close()  # type: ignore[union-attr]
    nursery.process.wait(timeout=30)


def test_killed_writers(nursery: Nursery, tmp_path: Path) -> None:
    kill_many(nursery, tmp_path, runs=6, kills=5)


@pytest.mark.slow
def test_three_hundred_killed_writers(nursery: Nursery, tmp_path: Path) -> None:
    kill_many(nursery, tmp_path, runs=30, kills=10)


def kill_many(nursery: Nursery, folder: Path, runs: int, kills: int) -> None:
    """Each run is started, then resumed after every kill; some die before they have a store."""
    chance = random.Random(runs)
    for number in range(runs):
        paths = RunPaths(folder / f"run-{number}")
        paths.root.mkdir()
        paths.config.write_text("")
        published = 0
        for _ in range(kills):
            watch_a_life(
                nursery,
                paths,
                looks=chance.choice([0, 0, 1, 3, 8]),
                seconds=chance.choice([0.0, 0.02]) * chance.random(),
            )
            published = check_the_dead(paths, published)
        check_resumable(paths, published)


def watch_a_life(nursery: Nursery, paths: RunPaths, looks: int, seconds: float) -> None:
    """Lets a writer live until a reader saw so many changes, and so many seconds more."""
    run = Run.open(paths)
    pid = nursery.start_writer(paths.root)
    patience = time.monotonic() + 60
    try:
        while looks and is_alive(pid, 0) and time.monotonic() < patience:
            if run.refresh():
                looks -= 1
                check_rows(run)
        assert looks == 0
        time.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGKILL)
    while is_alive(pid, 0):
        time.sleep(0.001)


def check_rows(run: Run) -> None:
    """Check that row N says so in every column: not torn, empty, missing or there twice."""
    assert run.problems == []
    if run.head is None:
        return
    for table in ("steps", "probes"):
        seen = run.rows(table)
        assert seen == run.head.rows[table]
        expected = rows_of(table, range(max(seen - 3000, 0) + 1, seen + 1))
        rows = run.table(table)[max(seen - 3000, 0) :]
        assert np.array_equal(np.delete(rows, 3, axis=1), np.delete(expected, 3, axis=1))
    assert all(
        event.kind == "command" and len(event.get("note")) == event.step % 50
        for event in run.events
    )
    assert len(run.log_lines) <= run.rows("steps") // 8 + 1


def check_the_dead(paths: RunPaths, published: int) -> int:
    run = Run.open(paths)
    check_rows(run)
    assert run.rows("steps") >= published
    assert problems_of(paths.root) == [] or run.head is None
    return run.rows("steps")


def check_resumable(paths: RunPaths, published: int) -> None:
    if Run.open(paths).head is None:
        return
    with RunWriter.resume(paths) as writer:
        assert writer.head.rows["steps"] == published
    assert Run.open(paths).state() == "finished"
    assert not list(paths.root.rglob("*.partial"))
    assert problems_of(paths.root) == []
