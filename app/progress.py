"""The progress of long work on stderr: one redrawn line in a terminal, few lines in a log."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from asgml.app.errors import narrate

REDRAW_EVERY = 0.1
LOG_EVERY = 15.0


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function (done, total) that shows the progress; clear it at the end of the block.

    `what` is text of the program itself, so it is safe to print.
    """
    line = _Line(what) if sys.stderr.isatty() else _Log(what)
    try:
        yield line.show
    finally:
        line.end()


class _Line:
    """One line, redrawn in place and cleared at the end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._began = time.monotonic()
        self._shown_at = 0.0

    def show(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._shown_at < REDRAW_EVERY and done < total:
            return
        self._shown_at = now
        left = "" if not done else f", {_seconds((now - self._began) / done * (total - done))} left"
        text = f"{self._what} {done}/{total}{left}"[: shutil.get_terminal_size().columns - 1]
        print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._shown_at:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


class _Log:
    """A line every quarter of a minute; none for work that is quicker than that."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._logged_at = time.monotonic()

    def show(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._logged_at >= LOG_EVERY:
            self._logged_at = now
            narrate(f"{self._what} {done}/{total}")

    def end(self) -> None:
        """Do nothing: a log keeps its lines."""


def _seconds(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
