"""The control lease before a request of `asgml ctl`: somebody else's is respected."""

from __future__ import annotations

import time

from asgml.app.errors import RejectedError
from asgml.storage.commands.lease import end_lease, read_lease
from asgml.storage.commands.request import issuer
from asgml.storage.format.safe_text import one_line
from asgml.storage.read.reader import Run


def check_control(run: Run, *, take_over: bool) -> None:
    """Raise RejectedError where somebody else steers; with `take_over` their lease ends instead.

    A dashboard of one's own, of the same user on the same host, is nobody else.
    """
    lease = read_lease(run.paths.control)
    if lease is None or lease.holder == issuer():
        return
    if take_over:
        end_lease(run.paths.control)
        return
    since = time.strftime("%H:%M", time.localtime(lease.since))
    raise RejectedError(
        f"{one_line(lease.holder)} steers {run.paths.name} since {since}; ask, or give --take-over"
    )
