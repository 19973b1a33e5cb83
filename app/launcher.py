"""The launcher: starts the worker on a run directory, in a session of its own.

The worker must be ours whatever lies in the current directory: `-P` keeps that directory off its
search path, and the environment it gets holds nothing that would bring it back.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import asgml
from asgml.app.errors import RunFailedError, UserError, narrate
from asgml.app.new_run import write_whole
from asgml.app.preferences import load_preferences
from asgml.core.run.provenance import LAUNCHED_FROM
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.process import start_of, this_host
from asgml.storage.format.start_phase import without_phases

OURS = Path(asgml.__file__).resolve().parent.parent
"""The directory that holds the package asgml: a clone, or site-packages."""
LAST_LINES = 15
WATCHER = "asgml.app.alerts.watcher"
ALERTS_LOG = "alerts.log"


class Process(Protocol):
    """A started process, of whichever parent."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """Return the exit code, None while it lives or where nobody can tell."""
        ...


Spawn = Callable[[RunPaths, Sequence[str]], Process]
"""Starts a worker with these arguments in a session of its own, its output into trainer.log."""


@dataclass(frozen=True)
class Trainer:
    """A started worker process. `log_from` is where its own lines begin in trainer.log.

    `new`: the run was made for it.
    """

    paths: RunPaths
    process: Process
    log_from: int
    new: bool = False

    @property
    def pid(self) -> int:
        return self.process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, None while it lives."""
        return self.process.poll()

    def last_log_lines(self) -> list[str]:
        """Return the last lines that it wrote to trainer.log since it was started, but phases."""
        with self.paths.trainer_log.open("rb") as file:
            file.seek(self.log_from)
            text = file.read().decode("utf-8", errors="replace")
        lines = without_phases(text.splitlines())
        return [line for line in lines if line.strip()][-LAST_LINES:]


def start(paths: RunPaths, *, resume: bool = False, spawn: Spawn | None = None) -> Trainer:
    """Start the worker on a run directory, detached from this terminal and from this process.

    Raise RunFailedError where it cannot be started.
    """
    arguments = [str(paths.root.resolve()), *(["--resume"] if resume else [])]
    began = _log_size(paths)
    process = (spawn or spawn_python)(paths, arguments)
    _write_launch(paths, process.pid)
    start_watcher(paths, from_now=resume)
    return Trainer(paths, process, began, new=not resume)


def start_watcher(paths: RunPaths, *, from_now: bool = False) -> None:
    """Start the watcher of a run where the settings name a way to a user who is away.

    A training never fails for want of one: what is wrong is told in a line.
    """
    try:
        if not load_preferences().away:
            return
        command = [*python_command(WATCHER), str(paths.root.resolve())]
        command += ["--from-now"] if from_now else []
        start_detached(command, paths.root, paths.root / ALERTS_LOG, {})
    except (UserError, OSError) as error:
        narrate(f"nobody will be told of alerts: {error}")


def spawn_python(
    paths: RunPaths, arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> Process:
    """Start a worker in a Python of its own, with variables beside those of this process."""
    command = [*worker_command(), *arguments]
    return start_detached(command, paths.root, paths.trainer_log, environment or {})


def start_detached(
    command: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str]
) -> Process:
    """Start a program of ours in a session of its own, its output appended to a file.

    Raise RunFailedError where it cannot be started.
    """
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                [*command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                env={**worker_environment(os.environ), **environment},
                start_new_session=True,
            )
        except OSError as error:
            raise RunFailedError(f"the trainer could not be started: {error}") from None
    # Collect the exit status: a dead child that is not waited for looks alive to every reader.
    threading.Thread(target=process.wait, daemon=True).start()
    return process


def worker_command() -> list[str]:
    """Return the command line of the worker, without its run."""
    return python_command("asgml.core.worker")


def python_command(module: str) -> list[str]:
    """Return the command line of a module of ours, whatever lies in the current directory."""
    return [sys.executable, "-P", "-m", module]


def worker_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the worker: no relative entry in PYTHONPATH, and ours first.

    A relative or empty entry means the current directory, where a foreign `asgml` may lie. It
    holds the folder that the user is in, whose commit the run's manifest names.
    """
    given = environment.get("PYTHONPATH", "").split(os.pathsep)
    kept = [entry for entry in given if os.path.isabs(entry) and Path(entry) != Path.cwd()]
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    search = (
        kept
        if OURS in installed
        else [str(OURS), *(entry for entry in kept if Path(entry) != OURS)]
    )
    cleaned = {key: value for key, value in environment.items() if key != "PYTHONPATH"}
    if search:
        cleaned["PYTHONPATH"] = os.pathsep.join(search)
    ours = {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1", LAUNCHED_FROM: str(Path.cwd())}
    return cleaned | ours


def _log_size(paths: RunPaths) -> int:
    with contextlib.suppress(OSError):
        return paths.trainer_log.stat().st_size
    return 0


def _write_launch(paths: RunPaths, pid: int) -> None:
    """Record the started process: it tells `starting` from `failed` before there is a store."""
    record = {
        "pid": pid,
        "process_start": start_of(pid) or 0,
        "host": this_host(),
        "created": time.time(),
    }
    write_whole(paths.launch, json.dumps(record) + "\n")
