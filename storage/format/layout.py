"""The files of a run directory, and the search for a run by name, prefix or path."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from asgml.storage.format.labels_file import read_labels_file
from asgml.storage.format.no_run import reason
from asgml.storage.format.scan import CONFIG, STORE, FoundRun, scan_runs
from asgml.storage.format.user_path import expand_user

LAUNCH = "launch.json"


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
        return self.root / CONFIG

    @property
    def labels(self) -> Path:
        """The user's own marks, which may change at any time."""
        return self.root / "labels.json"

    @property
    def store(self) -> Path:
        return self.root / STORE

    @property
    def commands(self) -> Path:
        return self.root / "commands"

    @property
    def control(self) -> Path:
        """Who steers the run at present; MAY be missing."""
        return self.root / "control.json"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def trainer_log(self) -> Path:
        return self.root / "trainer.log"

    @property
    def launch(self) -> Path:
        """The record of the process that was started to train this run; written by the launcher."""
        return self.root / LAUNCH

    @property
    def fork(self) -> Path:
        """The run and the step that this one goes on from; only in a fork."""
        return self.root / "fork.json"

    @property
    def schedule(self) -> Path:
        """The knob changes that the trainer makes by itself; only where the user asked for them."""
        return self.root / "schedule.toml"

    @property
    def lock(self) -> Path:
        return self.root / "writer.lock"


def is_run(path: Path) -> bool:
    """Return True for the directory of a run, also before its trainer has opened the store."""
    # not Path.is_file: it raises for a name that is too long, and where a folder may not be read
    return os.path.isfile(path / CONFIG) or os.path.isfile(path / STORE / "zarr.json")


def list_runs(runs: Path) -> list[RunPaths]:
    """Return all runs in `runs` and in the plans there, the newest first.

    Newest by the time at which their configuration was written. Raise RunNotFoundError where the
    folder cannot be read.
    """
    return [RunPaths(Path(found.root)) for found in scan(runs)]


def scan(runs: Path) -> list[FoundRun]:
    """Return what `list_runs` returns as names and paths, which is quicker for many runs."""
    if not os.path.isdir(runs):
        return []
    try:
        return scan_runs(runs)
    except OSError as error:
        raise RunNotFoundError(f"{runs} cannot be read: {error.strerror}") from None


def name_in(runs: Path, paths: RunPaths) -> str:
    """Return the name of a run as its folder knows it: `run`, or `plan/run` in a plan."""
    root, folder = os.path.realpath(paths.root), os.path.realpath(runs)
    inside = os.path.relpath(root, folder)
    return paths.name if inside.startswith("..") or inside.count("/") > 1 else inside


def find_run(run_ref: str, runs: Path) -> RunPaths:
    """Return the run that `run_ref` means.

    A path, a name (`plan/run` in a plan, or `run` where that is unique), a title, a unique prefix
    of a name, or `latest`. Raise RunNotFoundError that names what was given and what exists.
    """
    # without a slash it is a name, which may begin with ~
    path = expand_user(run_ref, RunNotFoundError) if "/" in run_ref else Path(run_ref)
    if is_run(path):
        return RunPaths(path.resolve())
    known = scan(runs)
    if run_ref == "latest" and known:
        return RunPaths(Path(known[0].root))
    matches = _matches(run_ref, known) if run_ref else []
    if len(matches) == 1:
        return RunPaths(Path(matches[0].root))
    # a bare word is the name of a run first; one that is a file or a folder here is told as that
    raise RunNotFoundError(
        ("" if matches else reason(path)) or _why_not_found(run_ref, runs, known, matches)
    )


def _matches(run_ref: str, known: list[FoundRun]) -> list[FoundRun]:
    """Return the runs that a reference may mean: the first kind of match that there is counts."""
    kinds: tuple[Callable[[FoundRun], bool], ...] = (
        lambda run: run.name == run_ref,
        lambda run: run.name.rpartition("/")[2] == run_ref,
        lambda run: read_labels_file(RunPaths(Path(run.root)).labels).get("title") == run_ref,
        lambda run: run.name.startswith(run_ref),
        lambda run: run.name.rpartition("/")[2].startswith(run_ref),
    )
    found = ([run for run in known if matches(run)] for matches in kinds)
    return next((runs for runs in found if runs), [])


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


def _why_not_found(run_ref: str, runs: Path, known: list[FoundRun], found: list[FoundRun]) -> str:
    if not known:
        return f"no run {run_ref!r}: there are no runs in {runs}; start one with `asgml train`"
    if found:
        names = ", ".join(paths.name for paths in found[:5])
        return f"{run_ref!r} means {len(found)} runs: {names}; give more of the name"
    newest = ", ".join(paths.name for paths in known[:3])
    return f"no run {run_ref!r} in {runs}; the newest are {newest} (`asgml runs` lists all)"
