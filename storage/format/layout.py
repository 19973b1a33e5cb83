"""The files of a run directory, and the search for a run by name, prefix or path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

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
    return (path / "run.toml").is_file() or (path / STORE / "zarr.json").is_file()


def list_runs(runs: Path) -> list[RunPaths]:
    """Return all runs in `runs`, the newest first (by the time their configuration was written)."""
    if not runs.is_dir():
        return []
    found = [RunPaths(path) for path in runs.iterdir() if is_run(path)]
    return sorted(found, key=lambda paths: (_created_at(paths), paths.name), reverse=True)


def find_run(run_ref: str, runs: Path) -> RunPaths:
    """Return the run that `run_ref` means: a path, a name, a unique prefix of one, or `latest`.

    Raise RunNotFoundError that names what was given and what exists.
    """
    path = Path(run_ref).expanduser()
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
    return list(runs.iterdir()) if runs.is_dir() else []


def _created_at(paths: RunPaths) -> float:
    source = paths.config if paths.config.is_file() else paths.store / "zarr.json"
    return source.stat().st_mtime


def _why_not_found(run_ref: str, runs: Path, known: list[RunPaths], found: list[RunPaths]) -> str:
    if not known:
        return f"no run {run_ref!r}: there are no runs in {runs}; start one with `asgml train`"
    if found:
        names = ", ".join(paths.name for paths in found[:5])
        return f"{run_ref!r} means {len(found)} runs: {names}; give more of the name"
    newest = ", ".join(paths.name for paths in known[:3])
    return f"no run {run_ref!r} in {runs}; the newest are {newest} (`asgml runs` lists all)"
