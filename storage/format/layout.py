"""Where the parts of a run lie on disk, and how a person's word for a run becomes its path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

STORE = "run.zarr"


class RunNotFoundError(Exception):
    """No run, or more than one, answers to what was given."""


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
        """Which process was started to train this run; written by the launcher."""
        return self.root / "launch.json"

    @property
    def lock(self) -> Path:
        return self.root / "writer.lock"


def is_run(path: Path) -> bool:
    """A directory is a run as soon as its configuration is written, before the trainer has opened the store."""
    return (path / "run.toml").is_file() or (path / STORE / "zarr.json").is_file()


def list_runs(runs: Path) -> list[RunPaths]:
    """All runs below `runs`, the newest first (by the time their configuration was written)."""
    if not runs.is_dir():
        return []
    found = [RunPaths(path) for path in runs.iterdir() if is_run(path)]
    return sorted(found, key=lambda paths: (_born(paths), paths.name), reverse=True)


def find_run(word: str, runs: Path) -> RunPaths:
    """The run that `word` means: a path, a name, a unique prefix of a name, or `latest`.

    Raises RunNotFoundError with one line that says what was given and what exists.
    """
    path = Path(word).expanduser()
    if is_run(path):
        return RunPaths(path.resolve())
    known = list_runs(runs)
    if word == "latest" and known:
        return known[0]
    exact = [paths for paths in known if paths.name == word]
    matches = exact or [paths for paths in known if word and paths.name.startswith(word)]
    if len(matches) == 1:
        return matches[0]
    raise RunNotFoundError(_why_not_found(word, runs, known, matches))


def next_name(stem: str, runs: Path) -> str:
    """`stem-NN` with the first number above those taken, so that names sort in the order of their runs."""
    clean = re.sub(r"[^A-Za-z0-9_+.\-]+", "-", stem).strip("-.") or "run"
    taken = [
        int(found.group(1))
        for path in _children(runs)
        if (found := re.fullmatch(re.escape(clean) + r"-(\d+)", path.name))
    ]
    return f"{clean}-{max(taken, default=0) + 1:02d}"


def _children(runs: Path) -> list[Path]:
    return list(runs.iterdir()) if runs.is_dir() else []


def _born(paths: RunPaths) -> float:
    source = paths.config if paths.config.is_file() else paths.store / "zarr.json"
    return source.stat().st_mtime


def _why_not_found(word: str, runs: Path, known: list[RunPaths], matches: list[RunPaths]) -> str:
    if not known:
        return f"no run {word!r}: there are no runs in {runs}; start one with `asgml train`"
    if matches:
        return f"{word!r} means {len(matches)} runs: {', '.join(paths.name for paths in matches[:5])}; give more of the name"
    return f"no run {word!r} in {runs}; the newest are {', '.join(paths.name for paths in known[:3])} (`asgml runs` lists all)"
