"""Paths as users type them: `~` and `~name` stand for home directories."""

from __future__ import annotations

from pathlib import Path


def expand_user(path: str | Path, error: type[Exception]) -> Path:
    """Return the path with a leading `~` or `~name` replaced by that home directory.

    Raise `error` with one line where there is none.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        home = Path(path).parts[0]
        raise error(f"{path}: there is no home directory {home}; give the path in full") from None
