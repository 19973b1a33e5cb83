"""Resolve the data that the user gives: NAME, NAME:PATH, or a PATH recognised by its layout."""

from __future__ import annotations

import ast
from pathlib import Path

from asgml.app.errors import NotFoundError, UserError
from asgml.app.keys import nearest_of
from asgml.core.data.base import is_class, split_name
from asgml.core.data.catalogue import DATA_SETS
from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.user_path import expand_user, why

ZARR = ("zarr.json", ".zgroup")  # mark a Zarr group, of format 3 and 2


def absolute_spec(spec: str, intended: str = "") -> str:
    """Return `spec` without anything relative in it: a trainer may be resumed from any directory.

    A mere path belongs to the data set `intended` by the recipe, else to the one whose layout it
    has, else it is a file of arrays. Raise NotFoundError or UserError.
    """
    if is_class(spec):
        return absolute_class(spec, "data")
    name, path = split_name(spec)
    if name and path is None:
        return name
    if is_generated(name) or path == "":
        raise UserError(f"data {spec!r}: expected {_usage(name)}")
    found = existing(path or spec, f"data {spec!r}", _hint(spec))
    if not (found.is_file() or found.is_dir()):
        raise UserError(f"data {spec!r}: a device or pipe; expected a file of arrays or a folder")
    name = name or intended or detected(found)
    if not name and found.is_dir() and not any((found / mark).exists() for mark in ZARR):
        examples = ", ".join(f"{one}:{found}" for one in names_from_files()[:2])
        raise UserError(
            f"data {spec!r}: a folder that is no Zarr group, and of no known layout; "
            f"say what it is, such as {examples}"
        )
    return f"{name}:{found}" if name else str(found)


def absolute_class(target: str, what: str) -> str:
    """Return FILE.py:CLASS with an absolute path. Raise UserError for anything else."""
    file, _, name = target.rpartition(":")
    if not file or not name.isidentifier():
        raise UserError(f"{what} {target!r}: expected FILE.py:CLASS, such as mine.py:Mine")
    path = existing(file, f"{what} {target!r}", "")
    _refuse_no_class(path, name, f"{what} {target!r}")
    return f"{path}:{name}"


def _refuse_no_class(path: Path, name: str, what: str) -> None:
    """Raise UserError for a file that is no Python or defines no such name; nothing of it runs."""
    try:
        content = read_bounded(path)
        tree = ast.parse(content)
    except SyntaxError as error:
        raise UserError(f"{what}: line {error.lineno}: {error.msg}") from None
    except (OSError, FormatError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{what}: cannot be read: {why(error)}") from None
    # a name may also come by another way, from an import of everything or inside an `if`
    if name.encode() not in content and b"import *" not in content:
        classes = [each.name for each in tree.body if isinstance(each, ast.ClassDef)]
        there = f"there are {', '.join(classes)}" if classes else "there is no class at all"
        raise UserError(f"{what}: {path.name} has no class {name}; {there}")


def names_from_files() -> list[str]:
    """Return the data sets that are read from files."""
    return [name for name, row in DATA_SETS.items() if not row.generated]


def is_from_files(name: str) -> bool:
    return name in DATA_SETS and not DATA_SETS[name].generated


def is_generated(name: str) -> bool:
    return name in DATA_SETS and DATA_SETS[name].generated


def needs_files(spec: str) -> bool:
    """Return True for a data set that is read from files where `spec` does not say which."""
    name, path = split_name(spec)
    return is_from_files(name) and not path


def detected(path: Path) -> str:
    """Return the data set whose layout lies at `path`, "" for an unknown one."""
    from asgml.core.data.datasets.detect import detect

    return detect(path) or ""


def existing(text: str, what: str, more: str) -> Path:
    """Return the absolute path. Raise NotFoundError that names `what`."""
    path = expand_user(text, UserError)
    if not path.exists():
        raise NotFoundError(f"{what}: there is no {path}{more}")
    return path.resolve()


def how_to_give(name: str, flag: str = "--data ") -> str:
    """Return one line of advice for a data set whose files are not named yet."""
    return (
        f"{name} is read from files: say where they are with {flag}{name}:PATH; "
        "`asgml data list` tells what should lie there"
    )


def _usage(name: str) -> str:
    return f"just {name}, which is generated" if is_generated(name) else f"{name}:PATH"


def _hint(spec: str) -> str:
    """Return the likely intention: NAME:PATH with a wrong name, or a name."""
    name, colon, _ = spec.partition(":")
    if colon and "/" not in name:
        return f", and no data set {name!r}: {nearest_of(name, list(DATA_SETS))}"
    return f"; data sets by name: {', '.join(DATA_SETS)} (`asgml data list`)"
