"""The control lease of one dashboard: taken with its first request, renewed, released, lost."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from asgml.storage.commands.lease import (
    RENEW_SECONDS,
    Lease,
    end_lease,
    read_lease,
    write_lease,
)
from asgml.storage.commands.request import issuer
from asgml.tui.messages import Severity
from asgml.tui.scene.control import Control

LOOK_SECONDS = 1.0
"""Time between two looks at the file."""


class ControlDesk:
    """The reading thread's side of the lease; `notify` tells the user where it was lost."""

    def __init__(self, notify: Callable[[str, Severity], None]) -> None:
        self._notify = notify
        self._id = secrets.token_hex(8)
        self._held: Lease | None = None
        self._looked = 0.0
        self._control = Control()

    def look(self, path: Path) -> Control:
        """Return who steers; renew a lease that is ours."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._control = self._read(path)
        return self._control

    def take(self, path: Path) -> None:
        """Steer from now on, whoever did before. Where no file can be written, nobody knows."""
        now = time.time()
        since = self._held.since if self._held is not None else now
        lease = Lease(self._id, issuer()[:200], since, now)
        try:
            write_lease(path, lease)
        except OSError:
            return
        self._held, self._looked = lease, 0.0

    def release(self, path: Path) -> None:
        """Steer no longer; a lease of another dashboard stays."""
        if self._held is not None:
            end_lease(path, self._id)
        self._held, self._looked, self._control = None, 0.0, Control()

    def _read(self, path: Path) -> Control:
        lease = read_lease(path)
        if self._held is not None and (lease is None or lease.id != self._id):
            self._lose(lease)
        if lease is None:
            return Control()
        mine = lease.id == self._id
        if mine and time.time() - lease.seen > RENEW_SECONDS:
            self.take(path)
            self._looked = time.monotonic()
        return Control(lease.holder, lease.since, mine)

    def _lose(self, lease: Lease | None) -> None:
        held, self._held = self._held, None
        # one that nobody renewed in time, as after a laptop's sleep, was not taken by anyone
        if lease is not None or (held is not None and not held.over(time.time())):
            who = lease.holder if lease is not None else "asgml ctl --take-over"
            self._notify(f"{who} has taken over control; t takes it back", "warning")
