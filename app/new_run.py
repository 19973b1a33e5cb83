"""A new run: its directory, under a name that nobody else has, with its run.toml."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from asgml.app.errors import UserError
from asgml.core.data.base import split_name
from asgml.storage.format.layout import RunPaths, is_run, next_name

HEADING = (
    "# The complete configuration of this run. It is a recipe too: asgml train PATH/OF/run.toml\n\n"
)


def make_run(
    config: Mapping[str, Any], runs: Path, name: str | None, stem: str | None = None
) -> RunPaths:
    """Make a run directory with its configuration. Raise UserError for a taken or bad name.

    Without a name it is `stem`, or data and method, with a number.
    """
    paths = _claim(runs, name) if name is not None else _claim_next(runs, stem or run_stem(config))
    paths.commands.mkdir()
    paths.checkpoints.mkdir()
    write_whole(paths.config, HEADING + tomli_w.dumps(config))
    return paths


def run_stem(config: Mapping[str, Any]) -> str:
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
        told = f"; {_remedy(path)}" if is_run(path) else ""
        raise UserError(
            f"--name {name!r}: there is {what} of that name in {runs}; choose another{told}"
        ) from None
    except OSError as error:
        raise UserError(f"--name {name!r}: {path} cannot be made: {error.strerror}") from None
    return RunPaths(path.resolve())


def _remedy(path: Path) -> str:
    """Return what can be done with the run that is there, by its state."""
    from asgml.storage.format.errors import FormatError
    from asgml.storage.read.reader import Run
    from asgml.storage.read.remedies import remedy_of

    try:
        return remedy_of(Run.open(RunPaths(path)))
    except (FormatError, OSError):
        return f"`asgml check {path.name}` tells what is wrong with it"


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


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader never sees half of it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.rename(path)
