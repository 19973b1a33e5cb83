"""The launchers of a plan: what starts, follows and cancels its trainers, here or elsewhere."""

from __future__ import annotations

import os
import signal
import sys
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

import psutil

from asgml.app.errors import narrate
from asgml.app.launcher import Process, python_command, spawn_python, start, start_detached
from asgml.app.plans.preloaded_parent import PreloadedError, PreloadedParent
from asgml.app.plans.resources import Share
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.process import start_of

JobState = Literal["running", "ended", "unknown"]
HEADROOM = 2.0
"""A measured share starts another trainer while so many of the largest one would fit."""
ANY_GPU = ("auto", "cuda")
"""Values of `device` under which a trainer takes the GPU that it is dealt."""


class Launcher(Protocol):
    """The place where the trainers of a plan run. A run stands for its job."""

    share: Share

    def start(self, paths: RunPaths, *, resume: bool) -> None:
        """Start a trainer on a run. Raise RunFailedError where none can be started."""
        ...

    def evaluate(self, file: Path, arguments: Sequence[str]) -> None:
        """Start the evaluation of an ensemble, which writes `file`. Raise RunFailedError."""
        ...

    def state(self, place: Path) -> JobState:
        """Return the state of the job of a run's directory, or an ensemble's file.

        `unknown` for one that this launcher has not started.
        """
        ...

    def has_room(self) -> bool:
        """Return True where one more trainer may be started now, as far as memory is concerned."""
        ...

    def cancel(self, place: Path) -> None:
        """Ask a job to end; a trainer ends after its step, with a checkpoint."""
        ...

    def close(self) -> None:
        """Leave the jobs alone and give back what only this launcher needs."""
        ...


class LocalLauncher:
    """The launcher of this machine: forks of the preloaded process, where it can be had.

    The process is started with the first job, and once more where it was killed. Where it cannot
    be had, each trainer is a Python of its own; so on macOS, whose frameworks survive no fork.
    """

    def __init__(self, share: Share, modules: Sequence[str] = (), *, warm: bool = True) -> None:
        """`modules` are imported too: those that several trainers need and that take seconds."""
        self.share = share
        self._modules = modules
        self._warm = warm and sys.platform.startswith("linux")
        self._parent: PreloadedParent | None = None
        self._jobs: dict[Path, Process] = {}
        self._gpu_of: dict[Path, str] = {}

    def prepare(self) -> None:
        """Start the preloaded process now: it imports while the plan's runs are looked at."""
        if self._warm and self._parent is None:
            self._start_parent()

    def start(self, paths: RunPaths, *, resume: bool) -> None:
        gpu = self._free_gpu() if _takes_any_gpu(paths) else ""
        environment = {"CUDA_VISIBLE_DEVICES": gpu} if gpu else {}

        def spawn(paths: RunPaths, arguments: Sequence[str]) -> Process:
            forked = self._forked("worker", arguments, paths.root, paths.trainer_log, environment)
            return forked or spawn_python(paths, arguments, environment)

        self._jobs[paths.root] = start(paths, resume=resume, spawn=spawn).process
        self._gpu_of[paths.root] = gpu

    def evaluate(self, file: Path, arguments: Sequence[str]) -> None:
        file.parent.mkdir(exist_ok=True)
        given, folder, log = [str(file), *arguments], file.parent, file.with_suffix(".log")
        command = [*python_command("asgml.core.ensemble_worker"), *given]
        forked = self._forked("ensemble", given, folder, log, {})
        self._jobs[file] = forked or start_detached(command, folder, log, {})

    def state(self, place: Path) -> JobState:
        process = self._jobs.get(place)
        if process is None:
            return "unknown"
        return "running" if _lives(process) else "ended"

    def has_room(self) -> bool:
        if not self.share.measured:
            return True
        largest = max(
            (_memory_of(one.pid) for one in self._jobs.values() if _lives(one)), default=0
        )
        return psutil.virtual_memory().available > HEADROOM * largest

    def cancel(self, place: Path) -> None:
        process = self._jobs.get(place)
        if process is not None and _lives(process):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGTERM)

    def close(self) -> None:
        if self._parent is not None:
            self._parent.close()
            self._parent = None

    def _free_gpu(self) -> str:
        """Return the GPU with the fewest jobs, "" where there is none."""
        busy = [self._gpu_of.get(place, "") for place in self._jobs if self.state(place) != "ended"]
        return min(self.share.gpus, key=busy.count, default="")

    def _forked(
        self,
        program: str,
        arguments: Sequence[str],
        folder: Path,
        log: Path,
        environment: Mapping[str, str],
    ) -> Process | None:
        """Fork a program from the preloaded process; return None where there is no such process."""
        for _ in range(2):  # once more where it was killed
            self.prepare()
            if self._parent is None:
                return None
            try:
                return self._parent.run(
                    program, arguments, folder=folder, log=log, environment=environment
                )
            except PreloadedError as error:
                self._give_up_parent(error)
        self._warm = False
        narrate("each trainer imports torch for itself now")
        return None

    def _start_parent(self) -> None:
        try:
            self._parent = PreloadedParent(self._modules)
        except PreloadedError as error:
            narrate(error)
            self._warm = False

    def _give_up_parent(self, error: PreloadedError) -> None:
        narrate(error)
        self.close()


def _lives(process: Process) -> bool:
    """Return True while a process runs; the one that could tell its exit code may be gone."""
    return process.poll() is None and start_of(process.pid) is not None


def _memory_of(pid: int) -> int:
    """Return the bytes that a process holds in memory, 0 where it has just ended."""
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _takes_any_gpu(paths: RunPaths) -> bool:
    with suppress(OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return tomllib.loads(paths.config.read_text("utf-8")).get("device", "auto") in ANY_GPU
    return False
