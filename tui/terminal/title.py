"""The title of the terminal's window or tab: saved, set where it changes, and given back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from asgml.storage.format.safe_text import one_line

_SAVE, _RESTORE = "\x1b[22;0t", "\x1b[23;0t"
_LONGEST = 80


def has_title(environ: Mapping[str, str] = os.environ) -> bool:
    """Return True for a terminal that has a title; a console would print it."""
    term = environ.get("TERM", "")
    return bool(term) and not term.startswith(("dumb", "linux", "vt", "cons"))


class TerminalTitle:
    """The title, by what `write` sends to the terminal."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._shown: str | None = None

    def show(self, text: str) -> None:
        """Show one line; it sends nothing where the title is that already."""
        text = one_line(text)[:_LONGEST]
        if text != self._shown:
            before = _SAVE if self._shown is None else ""
            self._shown = text
            self._write(f"{before}\x1b]0;{text}\x07")

    @property
    def owed(self) -> str:
        """What gives the terminal its title back, "" where it was not changed."""
        return _RESTORE if self._shown is not None else ""

    def restore(self) -> None:
        """Give back the title that the terminal had."""
        if self.owed:
            self._write(self.owed)
            self._shown = None
