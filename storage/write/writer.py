"""The writer of a run: takes rows, events and log lines, publishes them from a background thread.

The training thread only appends to lists. Every quarter of a second the background thread writes
the data and then the head, the one mark that readers believe: what is visible is always a prefix
of what was recorded, rows and texts alike.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from concurrent.futures import thread as _pools  # noqa: F401 - registers its exit hook before ours
from typing import Any

from asgml.storage.format.events import Event
from asgml.storage.format.layout import RunPaths
from asgml.storage.format.manifest import Manifest
from asgml.storage.format.status import Head, State
from asgml.storage.write.closing import ClosedByWith, StoreWriteError
from asgml.storage.write.lock import WriterLockedError
from asgml.storage.write.open_store import OpenStore, new_store, resumed_store
from asgml.storage.write.publisher import Publisher, ToArray
from asgml.storage.write.write_buffer import WriteBuffer

__all__ = ["RunWriter", "StoreWriteError", "WriterLockedError"]

HEARTBEAT_SECONDS = 0.8
"""Longest pause of the heartbeat; the format demands one a second, also with nothing to write."""
RETRY_SECONDS = 5.0
"""After an error the pauses between tries double up to this."""
CLOSING_TRIES = (0.0, 0.1, 0.4)
"""Pauses before each try to publish the end of a run, in seconds."""


class RunWriter(ClosedByWith):
    """The one writer of a run: used in a `with` block, or ended by `close`, which publishes all."""

    def __init__(self, store: OpenStore, flush_every: float, to_array: ToArray | None) -> None:
        """Publish the head and start the background thread; for `create` and `resume`.

        Raise StoreWriteError where the store cannot be written.
        """
        self._lock = store.lock
        self._publisher = Publisher(store, to_array)
        self._buffer = WriteBuffer()
        self._publishing = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._process = os.getpid()
        if not self.flush():
            raise StoreWriteError(self.problem)
        self._thread = threading.Thread(
            target=self._run,
            args=(min(flush_every, HEARTBEAT_SECONDS),),
            name="run-writer",
            daemon=True,
        )
        self._thread.start()
        _open_writers.add(self)

    @classmethod
    def create(
        cls,
        paths: RunPaths,
        manifest: Manifest,
        *,
        flush_every: float = 0.25,
        to_array: ToArray | None = None,
    ) -> RunWriter:
        """Create a run and its writer.

        `to_array` turns a batch of rows of one table into float64 numbers, in the background
        thread; `flush_every` in seconds. Raise FormatError where there is a run already,
        WriterLockedError where another process writes it.
        """
        with new_store(paths, manifest) as store:
            return cls(store, flush_every, to_array)

    @classmethod
    def resume(
        cls, paths: RunPaths, *, flush_every: float = 0.25, to_array: ToArray | None = None
    ) -> RunWriter:
        """Go on after the published rows of a run, as its next segment.

        Published rows stay: readers show the newest segment. Raise FormatError where there is no
        run or its last rows are damaged, WriterLockedError where another process writes it.
        """
        with resumed_store(paths) as store:
            return cls(store, flush_every, to_array)

    @property
    def segment(self) -> int:
        return self._publisher.head.segment

    @property
    def head(self) -> Head:
        """The last published mark."""
        return self._publisher.head

    @property
    def problem(self) -> str | None:
        """The reason of the last failed publication, which is tried again; None without one."""
        return self._publisher.problem

    def append(self, table: str, row: Any) -> None:
        """Record one row. It becomes numbers later: it may hold tensors still being computed."""
        self._buffer.append(table, row)

    def event(self, event: Event) -> None:
        """Record one event."""
        self._buffer.add_text("events", event.to_line())

    def log(self, line: str) -> None:
        """Record one line of text; line feeds inside make several."""
        self._buffer.add_text("log", line.encode("utf-8", errors="backslashreplace") + b"\n")

    def mark(
        self, state: State | None = None, step: int | None = None, epoch: int | None = None
    ) -> None:
        """Set fields of the next head. Left out, the step is that of the last row of `steps`."""
        marks = {"state": state, "step": step, "epoch": epoch}
        self._buffer.mark({name: value for name, value in marks.items() if value is not None})
        if state is not None:
            self._wake.set()

    def flush(self) -> bool:
        """Publish everything recorded so far, and wait for it.

        Return False where the store cannot be written: see `problem`.
        """
        with self._publishing:
            return self._publisher.publish(self._buffer.take(), last=self._closing)

    def close(self, state: State = State.FINISHED) -> None:
        """Publish the rest with the last state, cut the arrays to their lengths, free the lock.

        Raise StoreWriteError where the end could not be written.
        """
        if not self._buffer.close():
            return
        self._closing = True
        self._wake.set()
        self._thread.join()
        self._buffer.mark({"state": state})
        _open_writers.discard(self)
        try:
            self._publish_end()
        finally:
            self._lock.release()

    def _close_after(self, error: BaseException, end: State) -> None:
        """Close in the state that the error of a `with` block leaves the run in."""
        self.close(end)

    def _run(self, flush_every: float) -> None:
        """Publish every `flush_every` seconds until closed; the body of the background thread."""
        pause = flush_every
        while not self._closing:
            self._wake.wait(pause)
            self._wake.clear()
            if not self._closing and self._due():
                pause = flush_every if self.flush() else min(2 * pause, RETRY_SECONDS)

    def _due(self) -> bool:
        silent = time.time_ns() - self.head.heartbeat > HEARTBEAT_SECONDS * 1e9
        return silent or bool(self._buffer) or self._publisher.unfinished

    def _publish_end(self) -> None:
        """Publish for the last time, in several tries: a full disk may just be cleaned up."""
        for pause in CLOSING_TRIES:
            time.sleep(pause)
            if self.flush() and (not self._publisher.unfinished or self.flush()):
                return
        raise StoreWriteError(f"the end of the run is lost: {self.problem}")

    def _close_forgotten(self) -> None:
        """Close as failed, at the interpreter's exit."""
        if os.getpid() != self._process:  # a copy of the writer in a process that was forked off
            return
        try:
            self.close(State.FAILED)
        except StoreWriteError as problem:
            print(problem, file=sys.stderr)


_open_writers: weakref.WeakSet[RunWriter] = weakref.WeakSet()


def _close_all() -> None:
    for writer in list(_open_writers):
        writer._close_forgotten()


# Not `atexit`: by then the thread pools, which zarr writes with, are shut down.
threading._register_atexit(_close_all)  # type: ignore[attr-defined]
