"""A user's own Python file: run once, with each error as one line, and known by its SHA-256."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

TARGET = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)")


class UserFileError(ValueError):
    """A user's file or class that cannot be used. The message is one line."""


def is_target(text: str) -> bool:
    """Return True for FILE.py:CLASS."""
    return TARGET.fullmatch(text) is not None


def split_target(target: str) -> tuple[Path, str]:
    """Return file and class of FILE.py:CLASS. Raise UserFileError where it is not one."""
    found = TARGET.fullmatch(target)
    if found is None:
        raise UserFileError(f"{target!r}: expected FILE.py:CLASS, such as mine.py:Mine")
    return Path(found["file"]), found["name"]


def load_class(target: str) -> type[Any]:
    """Return the class that FILE.py:CLASS names. Raise UserFileError with the reason."""
    path, name = split_target(target)
    if not path.is_file():
        raise UserFileError(f"{target!r}: there is no file {path}")
    try:
        module = run_file(path.resolve())
    except (Exception, SystemExit) as error:  # the user's code may raise anything
        raise UserFileError(
            f"{target!r} cannot be loaded: {error_in_file(error, target)}"
        ) from error
    found = getattr(module, name, None)
    if not isinstance(found, type):
        raise UserFileError(f"{target!r}: {path.name} has no class {name}")
    return found


@cache
def run_file(path: Path) -> ModuleType:
    """Return the module that a file makes; it is run once. Raise whatever its code raises."""
    # two files of one name are two modules
    distinct = hashlib.sha256(str(path).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    spec = importlib.util.spec_from_file_location(f"asgml_user_{path.stem}_{distinct}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


def error_in_file(error: BaseException, target: str = "") -> str:
    """Return type, message and line of an error in a user's file, in one line.

    The line is the last one in the file of `target`, where that is given and on the way to the
    error; without a target it is that of the error itself.
    """
    message = str(error.msg) if isinstance(error, SyntaxError) else str(error)
    line = _line_of(error, target)
    where = f" (line {line})" if line else ""
    return f"{type(error).__name__}: {' '.join(message.split())}{where}"


def _line_of(error: BaseException, target: str) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    if not target:
        return frames[-1].lineno
    file = str(split_target(target)[0].resolve())
    return next((frame.lineno for frame in reversed(frames) if frame.filename == file), None)


def code_digest(target: str) -> str:
    """Return the SHA-256 of the file. Raise UserFileError where it cannot be read."""
    try:
        return hashlib.sha256(split_target(target)[0].read_bytes()).hexdigest()
    except OSError as error:
        raise UserFileError(f"{target!r} cannot be read: {error.strerror}") from error
