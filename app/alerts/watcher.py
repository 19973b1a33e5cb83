"""The watcher of a run, `python -P -m asgml.app.alerts.watcher RUN`: it delivers alerts.

A process of its own, for a trainer that dies or hangs tells nobody. One a run; it reads the head
and the events, and ends when the run has ended and everybody was told.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from asgml.app.alerts.message import Source
from asgml.app.alerts.queue import Queue
from asgml.app.alerts.sent import FILE, Sent, read_sent
from asgml.app.alerts.targets import Target, targets_of
from asgml.app.errors import UserError, complain
from asgml.app.settings import load_settings
from asgml.storage.alerts.feed import AlertFeed
from asgml.storage.format.layout import RunPaths, name_in
from asgml.storage.format.process import this_host
from asgml.storage.format.safe_text import one_line
from asgml.storage.format.status import ENDED
from asgml.storage.runs.plan_record import is_plan

LOCK = "alerts.lock"
LOCK_SECONDS = 5.0
"""Time for the watcher before this one to end: it may just have told of the end."""


def main(argv: Sequence[str] | None = None) -> int:
    """Watch a run until it has ended and all is delivered; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m asgml.app.alerts.watcher")
    parser.add_argument("run", type=Path)
    parser.add_argument("--from-now", action="store_true", help="tell nothing of earlier events")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two looks")
    given = parser.parse_args(argv)
    try:
        targets = targets_of(load_settings().notify)
    except UserError as error:
        return complain(error, error.exit_code)
    paths = RunPaths(given.run.resolve())
    with _only_one(paths) as alone:
        if alone and targets:
            watch(paths, targets, every=given.every, from_now=given.from_now)
    return 0


def watch(
    paths: RunPaths, targets: Sequence[Target], *, every: float = 1.0, from_now: bool = False
) -> None:
    """Deliver the alerts of a run until it has ended and nothing is left to be told."""
    feed = AlertFeed(paths)
    known = read_sent(paths.root)
    sent = known or Sent(paths.root / FILE)
    if known is None and from_now:
        feed.poll(0)
        sent.events = feed.events
    queue = Queue(targets, sent, log)
    source = Source(_name(paths), str(paths.root), this_host())
    problem: list[str] = []
    while paths.root.is_dir():
        queue.offer(feed.poll(sent.events))
        # the state first: what was published before it is in the queue then
        over = feed.state in ENDED
        queue.work(source, feed.events)
        if over and not len(queue):
            return
        if feed.problems != problem:
            problem = feed.problems
            log(problem[0] if problem else "the run can be read again")
        time.sleep(every)


def _name(paths: RunPaths) -> str:
    """Return the name of a run, with that of its plan where it is of one."""
    folder = paths.root.parent
    return name_in(folder.parent if is_plan(folder) else folder, paths)


def log(line: str) -> None:
    """Write one line to alerts.log of the run, which the launcher has made our output."""
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {one_line(line)}", flush=True)


@contextlib.contextmanager
def _only_one(paths: RunPaths) -> Iterator[bool]:
    """Yield True where no other process watches the run; it may take a moment to end."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    handle = os.open(paths.root / LOCK, flags, 0o644)
    try:
        yield _locked(handle)
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    last = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > last:
                return False
            time.sleep(0.2)
        except OSError:  # a disk without locks: alerts told twice are better than none
            return True
        else:
            return True


if __name__ == "__main__":
    sys.exit(main())
