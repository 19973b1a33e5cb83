"""The launcher: makes a run directory with its run.toml and starts the worker in its own session.

The worker must be ours whatever lies in the current directory: `-P` keeps that directory off its
search path, and the environment it gets holds nothing that would bring it back.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

import asgml
from asgml.app.errors import RunFailedError, UserError
from asgml.core.data.base import split_name
from asgml.core.run.provenance import LAUNCHED_FROM
from asgml.storage.format.layout import RunPaths, is_run, next_name
from asgml.storage.format.process import start_of, this_host

OURS = Path(asgml.__file__).resolve().parent.parent
"""The directory that holds the package asgml: a clone, or site-packages."""
HEADING = (
    "# The complete configuration of this run. It is a recipe too: asgml train PATH/OF/run.toml\n\n"
)
LAST_LINES = 15


@dataclass(frozen=True)
class Trainer:
    """A started worker process. `log_from` is where its own lines begin in trainer.log."""

    paths: RunPaths
    process: subprocess.Popen[bytes]
    log_from: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, None while it lives."""
        return self.process.poll()

    def last_log_lines(self) -> list[str]:
        """Return the last lines that it wrote to trainer.log since it was started."""
        with self.paths.trainer_log.open("rb") as file:
            file.seek(self.log_from)
            text = file.read().decode("utf-8", errors="replace")
        return [line for line in text.splitlines() if line.strip()][-LAST_LINES:]


def make_run(config: Mapping[str, Any], runs: Path, name: str | None) -> RunPaths:
    """Make a run directory with its configuration. Raise UserError for a taken or bad name."""
    paths = _claim(runs, name) if name is not None else _claim_next(runs, _stem(config))
    paths.commands.mkdir()
    paths.checkpoints.mkdir()
    _write(paths.config, HEADING + tomli_w.dumps(config))
    return paths


def start(paths: RunPaths, *, resume: bool = False) -> Trainer:
    """Start the worker on a run directory, detached from this terminal and from this process."""
    arguments = [*worker_command(), str(paths.root.resolve()), *(["--resume"] if resume else [])]
    with paths.trainer_log.open("ab") as log:
        began = log.tell()
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=paths.root,
                env=worker_environment(os.environ),
                start_new_session=True,
            )
        except OSError as error:
            raise RunFailedError(f"the trainer could not be started: {error}") from None
    _write_launch(paths, process.pid)
    # Collect the exit status: a dead child that is not waited for looks alive to every reader.
    threading.Thread(target=process.wait, daemon=True).start()
    return Trainer(paths, process, began)


def worker_command() -> list[str]:
    """Return the command line of the worker, without its run."""
    return [sys.executable, "-P", "-m", "asgml.core.worker"]


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


def _stem(config: Mapping[str, Any]) -> str:
    """Return the beginning of a run's name: data set or file, a modality alone, and method."""
    spec = str(config["data"]["name"])
    parts = [split_name(spec)[0] or Path(spec).stem]
    # the name of a modality may hold any character, that of a directory may not
    parts += [m for m in config["modalities"] if len(config["modalities"]) == 1 and m.isalnum()]
    return "-".join([*parts, config["method"]])


def _claim(runs: Path, name: str) -> RunPaths:
    if (
        name in {"", ".", "..", "latest"}
        or "/" in name
        or not name.isprintable()
        or name.startswith("-")
    ):
        raise UserError(f"--name {name!r}: expected a plain name without /, other than `latest`")
    path = _runs_made(runs) / name
    try:
        path.mkdir()
    except FileExistsError:
        what = "a run" if is_run(path) else "something"
        raise UserError(
            f"--name {name!r}: there is {what} of that name in {runs}; "
            f"choose another, or `asgml resume {name}`"
        ) from None
    except OSError as error:
        raise UserError(f"--name {name!r}: {path} cannot be made: {error.strerror}") from None
    return RunPaths(path.resolve())


def _claim_next(runs: Path, stem: str) -> RunPaths:
    """Make the directory of the next free name.

    Two launches at the same moment may choose the same name: the second takes the next.
    """
    _runs_made(runs)
    while True:
        path = runs / next_name(stem, runs)
        try:
            path.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise UserError(
                f"{path} cannot be made: {error.strerror}; give --runs DIR that you may write to"
            ) from None
        return RunPaths(path.resolve())


def _runs_made(runs: Path) -> Path:
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"--runs {runs}: cannot be made: {error.strerror}; "
            "give a directory that you may write to"
        ) from None
    return runs


def _write_launch(paths: RunPaths, pid: int) -> None:
    """Record the started process: it tells `starting` from `failed` before there is a store."""
    record = {
        "pid": pid,
        "process_start": start_of(pid) or 0,
        "host": this_host(),
        "created": time.time(),
    }
    _write(paths.launch, json.dumps(record) + "\n")


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader never sees half of it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.rename(path)
