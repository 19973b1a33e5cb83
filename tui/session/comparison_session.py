"""The session of a comparison: one thread that reads its runs and posts what has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from textual.message import Message

from asgml.storage.format.errors import FormatError
from asgml.storage.format.layout import RunNotFoundError
from asgml.storage.format.safe_text import safe
from asgml.storage.format.status import ENDED
from asgml.tui.messages import ComparisonChanged, Notification
from asgml.tui.scene.comparison import ComparedRun, Comparison
from asgml.tui.session.compared_runs import RunFollower
from asgml.tui.session.comparison_tables import Arrangement
from asgml.tui.session.reader_thread import ReaderThread

_UNREADABLE = (
    OSError, FormatError, RunNotFoundError, RuntimeError, ValueError, KeyError, TypeError,
)  # fmt: skip
_FIRST_SECONDS, _BATCH_SECONDS = 0.3, 1.0
"""Time for reading runs before what is known is drawn: the first ones, and those of each batch."""
_RETRY_EVERY = 8
"""A run that could not be read is tried again in every so many polls."""
_QUIET = 4
"""Ended runs alone are polled less often by this factor: nothing changes any more."""


class ComparisonSession:
    """Several runs, followed by one thread. Public methods may be called from any thread.

    `folder`: names of runs are relative to it. `post` takes the messages for the screen. `metric`:
    what the statistics are about, None for the test score, else the validation's.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        folder: Path,
        post: Callable[[Message], object],
        *,
        metric: str | None = None,
        interval: float = 0.25,
        smoothing: float = 0.9,
    ) -> None:
        self.latest = Comparison(unread=len(paths))
        self._paths = list(dict.fromkeys(paths))
        self._folder = folder
        self._post = post
        self._interval = interval
        self._smoothing = smoothing
        self._followers: dict[Path, RunFollower] = {}
        self._problems: dict[Path, str] = {}
        self._runs: dict[Path, ComparedRun] = {}
        self._arrangement = Arrangement(metric)
        self._polls = 0
        self._made_of: tuple[object, ...] = ()
        self._thread = ReaderThread(self._poll, self._pause, self._report)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._thread.close()

    def smooth(self, weight: float) -> None:
        """Smooth the curves with this weight from the next comparison on."""

        def job() -> None:
            self._smoothing = weight

        self._thread.submit(job)

    def flip_groups(self) -> None:
        """Show groups instead of runs, or runs instead of groups."""
        self._thread.submit(self._arrangement.flip_groups)

    def next_baseline(self) -> None:
        """Measure differences against the next subject."""
        self._thread.submit(self._arrangement.next_baseline)

    # the reading thread

    def _pause(self) -> float:
        if self._unread:
            return 0.0
        ended = all(run.state in ENDED for run in self._runs.values()) and not self._problems
        return self._interval * (_QUIET if ended else 1)

    @property
    def _unread(self) -> list[Path]:
        return [
            path for path in self._paths if path not in self._runs and path not in self._problems
        ]

    def _poll(self) -> None:
        """Read what is new, and post a comparison if anything has changed."""
        self._polls += 1
        end = time.monotonic() + (_BATCH_SECONDS if self._runs else _FIRST_SECONDS)
        for path in self._paths:
            failed = path in self._problems and self._polls % _RETRY_EVERY
            if not failed and (path in self._runs or time.monotonic() < end or not self._runs):
                self._read(path)
        runs = [self._runs[path] for path in self._paths if path in self._runs]
        problems = tuple(self._problems[path] for path in self._paths if path in self._problems)
        made_of = (*runs, problems, self._arrangement.chosen, len(self._unread))
        if made_of != self._made_of:
            self._made_of = made_of
            found = self._arrangement.comparison(runs, problems, len(self._unread))
            self.latest = found
            self._post(ComparisonChanged(found))

    def _read(self, path: Path) -> None:
        """Bring one run up to date; where it cannot be read, it is a problem and no subject."""
        try:
            if path not in self._followers:
                self._followers[path] = RunFollower(path, self._name(path))
            self._runs[path] = self._followers[path].poll(self._smoothing)
            self._problems.pop(path, None)
        except _UNREADABLE as error:
            self._runs.pop(path, None)
            self._followers.pop(path, None)
            self._problems[path] = safe(f"{self._name(path)}: {error}")

    def _report(self, problem: str) -> None:
        self._post(Notification(problem, "error"))

    def _name(self, path: Path) -> str:
        inside = path.is_relative_to(self._folder) and path != self._folder
        return str(path.relative_to(self._folder)) if inside else path.name
