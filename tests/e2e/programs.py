"""The program as a user has it: in a shell of its own, and in a pseudo-terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from asgml.storage.format.layout import RunPaths
from asgml.storage.read.reader import Run

PROGRAM = [sys.executable, "-P", "-m", "asgml"]
QUICK = (
    *("--set", "encoder=conv", "--set", "threads=1"),
    *("--set", "data.options.train=256", "--set", "data.options.val=64"),
)
"""A training of a few seconds."""


def asgml(
    *words: str, runs: Path, timeout: float = 120, expect: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """Runs `asgml WORDS` with this directory of runs, and without a terminal."""
    done = subprocess.run(
        [*PROGRAM, *words],
        cwd=runs.parent,
        env=environment(runs),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if expect is not None:
        assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def environment(runs: Path) -> dict[str, str]:
    return {**os.environ, "ASGML_RUNS": str(runs), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def start(name: str, *words: str, runs: Path) -> RunPaths:
    """Starts a training in the background and returns once it is up."""
    asgml("train", "--detach", "--name", name, *QUICK, *words, runs=runs)
    return RunPaths(runs / name)


def show(name: str, runs: Path) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(asgml("show", name, "--json", runs=runs).stdout)
    return shown


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    """Waits until it holds; a machine that is busy only makes this slower."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.05)


def wait_for_step(paths: RunPaths, step: int) -> None:
    run = Run.open(paths)

    def reached() -> bool:
        run.refresh()
        return run.head is not None and run.head.step >= step

    wait_for(reached)


def wait_for_state(paths: RunPaths, *states: str) -> str:
    run = Run.open(paths)

    def reached() -> bool:
        run.refresh()
        return run.state() in states

    wait_for(reached)
    return run.state()


def trainer(paths: RunPaths) -> psutil.Process:
    """The trainer's process, which must be alive."""
    head = Run.open(paths).head
    assert head is not None
    return psutil.Process(head.pid)
