"""The control lease: who steers a run at present. A courtesy between people, never a lock.

A file of the run names the dashboard that steers; others ask before they take over. Requests are
as safe without it: the trainer knows nothing of it, and a lease that is not renewed is over.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from asgml.storage.format.bounded_file import read_bounded
from asgml.storage.format.errors import FormatError
from asgml.storage.format.typed import is_text, is_time

LEASE_SECONDS = 45.0
"""A lease that was not renewed for so long is over, whoever held it."""
RENEW_SECONDS = 10.0
MAX_BYTES = 4096
MAX_HOLDER = 200


@dataclass(frozen=True)
class Lease:
    """Who steers: `id` of the dashboard, `holder` as user@host, unix times of the first and last
    sign of it.
    """

    id: str
    holder: str
    since: float
    seen: float

    def over(self, now: float) -> bool:
        """Return True for a lease that nobody renews; one from the future is none either."""
        return abs(now - self.seen) > LEASE_SECONDS


def read_lease(path: Path, now: float | None = None) -> Lease | None:
    """Return the lease that holds now, None where nobody steers; never raise."""
    try:
        record = json.loads(read_bounded(path, MAX_BYTES, follow_links=False))
        lease = Lease(record["id"], record["holder"], record["since"], record["seen"])
    except (FormatError, OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    sound = is_text(lease.id) and is_text(lease.holder) and len(lease.holder) <= MAX_HOLDER
    if not sound or not is_time(lease.since) or not is_time(lease.seen):
        return None
    return None if lease.over(time.time() if now is None else now) else lease


def write_lease(path: Path, lease: Lease) -> None:
    """Put a lease in the place of any other, whole. Raise OSError where it cannot be written."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        partial.write_text(json.dumps(asdict(lease)), encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def end_lease(path: Path, id: str | None = None) -> None:
    """Remove the lease of this id, or whatever lease there is; nothing happens where it is gone."""
    lease = read_lease(path)
    if id is None or (lease is not None and lease.id == id):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
