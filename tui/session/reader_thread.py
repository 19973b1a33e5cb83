"""The reading thread: polls a run at an interval and runs submitted jobs between the polls."""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading
from collections.abc import Callable
from functools import partial

from asgml.storage.format.layout import RunNotFoundError
from asgml.storage.format.manifest import FormatError
from asgml.storage.format.safe_text import safe

Job = Callable[[], object]

_UNREADABLE = (OSError, FormatError, RunNotFoundError, RuntimeError, ValueError, KeyError)
"""Errors of a run that cannot be read: the thread reports them and tries again."""


class ReaderThread:
    """One daemon thread, so that all reading of a run happens in one place, one job at a time.

    `pause` gives the seconds until the next poll; `report` gets the text of an error.
    """

    def __init__(
        self, poll: Job, pause: Callable[[], float], report: Callable[[str], None]
    ) -> None:
        self._poll = poll
        self._pause = pause
        self._report = report
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        # with the context of the caller: Textual finds its program there when a screen is posted to
        run = partial(contextvars.copy_context().run, self._run)
        self._thread = threading.Thread(target=run, name="reader", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Run a job in the thread, before the next poll."""
        self._jobs.put(job)

    def close(self) -> None:
        """End the thread; wait up to 5 s for the job at hand."""
        self._closed.set()
        self.submit(lambda: None)  # wakes the thread up
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closed.is_set():
            self._attempt(self._poll)
            self._run_jobs()

    def _run_jobs(self) -> None:
        """Wait for the next poll, or for a job; then run all jobs that wait."""
        with contextlib.suppress(queue.Empty):
            self._attempt(self._jobs.get(timeout=self._pause()))
            # all of them before the next poll: ten presses of a key cost one scene, not ten
            while True:
                self._attempt(self._jobs.get_nowait())

    def _attempt(self, job: Job) -> None:
        """Run a job. A run that cannot be read must not take the dashboard down."""
        try:
            job()
        except _UNREADABLE as error:
            self._report(safe(f"{type(error).__name__}: {error}"))
