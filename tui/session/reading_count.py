"""The count of a long reading of runs, posted a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.message import Message

from asgml.tui.messages import RunsCounted

_EVERY = 0.3
"""Seconds between two counts."""


class ReadingCount:
    """Posts how many runs have been read, of how many."""

    def __init__(self, post: Callable[[Message], object]) -> None:
        self._post = post
        self._next = time.monotonic() + _EVERY

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _EVERY
            self._post(RunsCounted(done, total))
