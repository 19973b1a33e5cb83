"""Paths as users type them: `~` and `~name` stand for home directories."""

from __future__ import annotations

import os
from pathlib import Path


def expand_user(path: str | Path, error: type[Exception]) -> Path:
    """Return the path with a leading `~` or `~name` replaced by that home directory.

    Raise `error` with one line where there is none, and for a path at which nothing can be looked:
    too long, or in a folder that may not be entered. At a path that is returned there may be
    nothing.
    """
    try:
        expanded = Path(path).expanduser()
    except RuntimeError:
        home = Path(path).parts[0]
        raise error(f"{path}: there is no home directory {home}; give the path in full") from None
    try:
        os.stat(expanded)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as problem:
        raise error(f"{path}: {why(problem)}; give another path") from None
    return expanded


def why(error: Exception) -> str:
    """Return why a file cannot be used, in the system's words and without numbers of errors."""
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return (isinstance(error, OSError) and error.strerror) or str(error)
