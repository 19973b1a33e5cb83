"""The files of a run directory, and the search for a run by name, prefix or path."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from asgml.storage.format.user_path import expand_user

STORE = "run.zarr"


class RunNotFoundError(Exception):
    """No run, or more than one, is meant by what was given. The message is one line."""


@dataclass(frozen=True)
class RunPaths:
    """The paths inside one run directory."""

    root: Path

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def config(self) -> Path:
        return self.root / "run.toml"

    @property
    def store(self) -> Path:
        return self.root / STORE

    @property
    def commands(self) -> Path:
        return self.root / "commands"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def trainer_log(self) -> Path:
        return self.root / "trainer.log"

    @property
    def launch(self) -> Path:
        """The record of the process that was started to train this run; written by the launcher."""
        return self.root / "launch.json"

    @property
    def lock(self) -> Path:
        return self.root / "writer.lock"


def is_run(path: Path) -> bool:
    """Return True for the directory of a run, also before its trainer has opened the store."""
    # not Path.is_file: it raises for a name that is too long, and where a folder may not be read
    return os.path.isfile(path / "run.toml") or os.path.isfile(path / STORE / "zarr.json")


def list_runs(runs: Path) -> list[RunPaths]:
    """Return all runs in `runs`, the newest first (by the time their configuration was written)."""
    found = [RunPaths(path) for path in _children(runs) if is_run(path)]
    return sorted(found, key=lambda paths: (_created_at(paths), paths.name), reverse=True)


def find_run(run_ref: str, runs: Path) -> RunPaths:
    """Return the run that `run_ref` means: a path, a name, a unique prefix of one, or `latest`.

    Raise RunNotFoundError that names what was given and what exists.
    """
    # without a slash it is a name, which may begin with ~
    path = expand_user(run_ref, RunNotFoundError) if "/" in run_ref else Path(run_ref)
    if is_run(path):
        return RunPaths(path.resolve())
    known = list_runs(runs)
    if run_ref == "latest" and known:
        return known[0]
    exact = [paths for paths in known if paths.name == run_ref]
    matches = exact or [paths for paths in known if run_ref and paths.name.startswith(run_ref)]
    if len(matches) == 1:
        return matches[0]
    raise RunNotFoundError(_why_not_found(run_ref, runs, known, matches))


def next_name(stem: str, runs: Path) -> str:
    """Return `stem-NN` with the first number above those taken: names sort in the order of runs."""
    clean = re.sub(r"[^A-Za-z0-9_+.\-]+", "-", stem).strip("-.") or "run"
    taken = [
        int(found.group(1))
        for path in _children(runs)
        if (found := re.fullmatch(re.escape(clean) + r"-(\d+)", path.name))
    ]
    return f"{clean}-{max(taken, default=0) + 1:02d}"


def _children(runs: Path) -> list[Path]:
    """Return the entries of the directory, none where there is none. Raise RunNotFoundError."""
    if not os.path.isdir(runs):
        return []
    try:
        return list(runs.iterdir())
    except OSError as error:
        raise RunNotFoundError(f"{runs} cannot be read: {error.strerror}") from None


def _created_at(paths: RunPaths) -> float:
    for source in (paths.config, paths.store / "zarr.json"):
        with contextlib.suppress(OSError):
            return source.stat().st_mtime
    return 0.0  # removed since it was listed


def _why_not_found(run_ref: str, runs: Path, known: list[RunPaths], found: list[RunPaths]) -> str:
    if not known:
        return f"no run {run_ref!r}: there are no runs in {runs}; start one with `asgml train`"
    if found:
        names = ", ".join(paths.name for paths in found[:5])
        return f"{run_ref!r} means {len(found)} runs: {names}; give more of the name"
    newest = ", ".join(paths.name for paths in known[:3])
    return f"no run {run_ref!r} in {runs}; the newest are {newest} (`asgml runs` lists all)"
