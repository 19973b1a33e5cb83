"""From a person's word for data to what the trainer reads: NAME, NAME:PATH, or a PATH whose layout tells what it is."""

from __future__ import annotations

from pathlib import Path

from asgml.app.errors import NotFoundError, UserError
from asgml.app.keys import nearest_of
from asgml.core.data.base import NAMED, split_name

GENERATED = ("synthetic",)
"""The data sets that need no files."""
ZARR = ("zarr.json", ".zgroup")
"""Files that mark a Zarr group, of format 3 and 2."""
FROM_FILES = tuple(name for name in NAMED if name not in GENERATED)


def absolute_spec(word: str, meant: str = "") -> str:
    """`word` without anything relative in it, since a trainer may be resumed from anywhere.

    A path alone belongs to the data set `meant` by the recipe, else to the one whose layout it has, else it is a file of arrays.
    Raises NotFoundError or UserError.
    """
    name, path = split_name(word)
    if name and path is None:
        return name
    if name in GENERATED or path == "":
        raise UserError(f"data {word!r}: expected {_usage(name)}")
    found = existing(path or word, f"data {word!r}", _hint(word))
    name = name or meant or detected(found)
    if not name and found.is_dir() and not any((found / mark).exists() for mark in ZARR):
        known = ", ".join(f"{one}:{found}" for one in FROM_FILES[:2])
        raise UserError(
            f"data {word!r}: a folder that is no Zarr group, and of no known layout; say what it is, such as {known}"
        )
    return f"{name}:{found}" if name else str(found)


def needs_files(spec: str) -> bool:
    """Whether `spec` names a data set that is read from files, and does not say where they are."""
    name, path = split_name(spec)
    return name in FROM_FILES and not path


def detected(path: Path) -> str:
    """The data set whose layout lies at `path`, "" where it is none that is known."""
    from asgml.core.data.datasets.detect import detect

    return detect(path) or ""


def existing(text: str, what: str, more: str) -> Path:
    """The absolute path. Raises NotFoundError that names `what`."""
    path = Path(text).expanduser()
    if not path.exists():
        raise NotFoundError(f"{what}: there is no {path}{more}")
    return path.resolve()


def how_to_give(name: str, flag: str = "--data ") -> str:
    """One line for a data set whose files nobody has named yet."""
    return f"{name} is read from files: say where they are with {flag}{name}:PATH; `asgml data list` tells what should lie there"


def _usage(name: str) -> str:
    return f"just {name}, which is generated" if name in GENERATED else f"{name}:PATH"


def _hint(word: str) -> str:
    """What else may have been meant: NAME:PATH with a name that is none, or a name."""
    name, colon, _ = word.partition(":")
    if colon and "/" not in name:
        return f", and no data set {name!r}: {nearest_of(name, list(NAMED))}"
    return f"; data sets by name: {', '.join(NAMED)} (`asgml data list`)"
