"""Plain ASCII on stdout and stderr: by `--ascii`, by the settings, or in the locale C."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from asgml.storage.format.plain_text import ascii_locale, register

OPTION = "--ascii"
_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})


def is_given(option: str, arguments: Sequence[str]) -> bool:
    """Return True for an option among the arguments, before the end of options."""
    words = list(arguments)
    return option in (words[: words.index("--")] if "--" in words else words)


@contextlib.contextmanager
def plain_where_asked(arguments: Sequence[str]) -> Iterator[None]:
    """Write ASCII alone in the block, where the user asked for it."""
    if not (is_given(OPTION, arguments) or ascii_locale() or _in_settings()):
        yield
        return
    streams = [stream for stream in (sys.stdout, sys.stderr) if hasattr(stream, "reconfigure")]
    before = [(stream, stream.encoding, stream.errors) for stream in streams]
    for stream in streams:
        stream.reconfigure(encoding=register())
    try:
        yield
    finally:
        for stream, encoding, errors in before:
            _restore(stream, encoding, errors or "strict")


def _restore(stream: TextIO, encoding: str, errors: str) -> None:
    if not stream.closed:
        with contextlib.suppress(OSError):  # full: told already, or told by the last flush
            stream.reconfigure(encoding=encoding, errors=errors)  # type: ignore[attr-defined]


def _in_settings() -> bool:
    """Return the preference `ascii`; a file that is wrong is told by whoever reads all of it."""
    given = os.environ.get("ASGML_ASCII")
    if given is not None:
        return given.strip().lower() in _TRUE
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    path = os.path.join(home, "asgml", "settings.toml")
    if not os.path.isfile(path):
        return False
    import tomllib

    try:
        with open(path, "rb") as file:
            return tomllib.loads(file.read(1 << 20).decode()).get("ascii") is True
    except (OSError, ValueError, RecursionError):
        return False
