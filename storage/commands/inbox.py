"""The inbox of a trainer: each request is one small file in the run's `commands` directory.

Sending is a rename, so the trainer never sees half a file. It takes requests in order, answers each
with one event, and only then removes the file: a request survives a crash of either side.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import threading
import time
from pathlib import Path

from asgml.storage.commands.request import (
    KINDS,
    STOP_MODES,
    BadRequest,
    Request,
    RequestError,
    make_request,
    request_from_json,
    request_to_json,
)

__all__ = [
    "KINDS",
    "STOP_MODES",
    "BadRequest",
    "Inbox",
    "Request",
    "RequestError",
    "make_request",
    "read_request",
    "send",
]

MAX_BYTES = 64 * 1024
SETTLED_NS = 50_000_000
"""A directory whose time stamp is younger than this may get another file under the same stamp."""
RELIST_SECONDS = 1.0
"""Longest time between two listings, for file systems with coarse or skewed time stamps."""

_send_lock = threading.Lock()
_last_sent = (0, 0, "")
"""Process id, time and tag of the last name given."""


def send(commands: Path, request: Request) -> None:
    """Put a request into the directory. Raise OSError where it cannot be written.

    Several processes may send at once; the requests of each keep their order.
    """
    commands.mkdir(exist_ok=True)
    with _send_lock:
        name = _next_name()
        partial = commands / f".{name}.partial"
        try:
            partial.write_bytes(request_to_json(request))
            partial.rename(commands / name)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def _next_name() -> str:
    """Return a name that sorts after all others of this process: a growing time, and its tag."""
    global _last_sent
    pid, last, tag = _last_sent
    if pid != os.getpid():  # a fork must not share its parent's tag
        pid, tag = os.getpid(), secrets.token_hex(6)
    now = max(time.time_ns(), last + 1)
    _last_sent = (pid, now, tag)
    return f"{now:020d}-{tag}.json"


class Inbox:
    """The trainer's side of the directory: gives each request once, in the order of sending."""

    def __init__(self, commands: Path) -> None:
        self._commands = commands
        self._given: set[str] = set()
        self._names: dict[str, list[str]] = {}
        self._settled_at = -1
        self._relist_at = 0.0

    def poll(self) -> list[Request | BadRequest]:
        """Return the requests that came since the last poll; without any it costs one `stat`."""
        try:
            changed = os.stat(self._commands).st_mtime_ns
        except OSError:
            return []
        now = time.monotonic()
        if changed == self._settled_at and now < self._relist_at:
            return []
        settled = time.time_ns() - changed > SETTLED_NS
        self._settled_at = changed if settled else -1
        self._relist_at = now + RELIST_SECONDS
        return self._take()

    def done(self, id: str) -> None:
        """Remove the request's file. To be called once its answer is published."""
        for name in self._names.pop(id, []):
            _remove(self._commands / name)

    def _take(self) -> list[Request | BadRequest]:
        new = self._new_names()
        found = [(name, read_request(self._commands / name)) for name in new]
        for name, request in found:
            if request is not None:
                self._names.setdefault(request.id, []).append(name)
        return [request for _, request in found if request is not None]

    def _new_names(self) -> list[str]:
        listed = _list(self._commands)
        self._given &= listed
        new = listed - self._given
        if new:
            new |= self._predecessors(new)
        self._given |= new
        return sorted(new)

    def _predecessors(self, new: set[str]) -> set[str]:
        """Return earlier requests of the same senders that the listing missed.

        A listing is no snapshot: a sender's second file may be seen and the first one not. The
        first existed before the second, so another listing has it.
        """
        latest: dict[str, str] = {}
        for name in new:
            latest[_tag(name)] = max(name, latest.get(_tag(name), ""))
        again = _list(self._commands) - self._given
        return {name for name in again if name < latest.get(_tag(name), "")}


def read_request(path: Path) -> Request | BadRequest | None:
    """Return the request in one file, a BadRequest for anything else, None where it is gone."""
    try:
        return request_from_json(_read_plain_file(path))
    except FileNotFoundError:
        return None
    except (RequestError, OSError) as error:
        if isinstance(error, RequestError):
            return BadRequest(error.id or path.name, str(error))
        return BadRequest(path.name, f"cannot be read: {error.strerror}")


def _read_plain_file(path: Path) -> bytes:
    """Return the content of a plain file of this user. Raise RequestError for any other kind."""
    # no link is followed, and the opening of a pipe does not wait for its writer
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise RequestError("is no plain file")
        if found.st_uid != os.getuid():
            raise RequestError(f"belongs to user {found.st_uid}, expected {os.getuid()}")
        if found.st_size > MAX_BYTES:
            raise RequestError(f"is larger than {MAX_BYTES} bytes")
        return os.read(handle, MAX_BYTES)
    finally:
        os.close(handle)


def _tag(name: str) -> str:
    return name.partition("-")[2]


def _list(directory: Path) -> set[str]:
    """Return the names of the files, without those still being written, which begin with a dot."""
    try:
        return {name for name in os.listdir(directory) if not name.startswith(".")}
    except OSError:
        return set()


def _remove(path: Path) -> None:
    # a directory, or a share that went read-only: it stays, and is not given again
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
