"""The writer lock: one run has one writer at a time, and a dead writer's lock is taken over."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from dataclasses import asdict
from pathlib import Path

from asgml.storage.format.lock_owner import Owner, read_owner
from asgml.storage.format.process import this_host, this_process

WRITING_SECONDS = 10.0
"""A lock file without content that is younger than this may have an owner about to write it."""


class WriterLockedError(Exception):
    """Another process writes this run. The message names it in one line."""


class WriterLock:
    """A lock held from `__init__` to `release`.

    Raise WriterLockedError where another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        pid, start = this_process()
        self.owner = Owner(pid, start, this_host(), time.time())
        if not self._create():
            self._take_over()

    def release(self) -> None:
        """Remove the file, if it is still this writer's."""
        if read_owner(self._path) == self.owner:
            self._path.unlink(missing_ok=True)

    def _create(self) -> bool:
        """Make the file with its content in one step. Return False where it exists."""
        # a process that is killed between two steps would leave an empty lock
        partial = self._written_beside()
        try:
            os.link(partial, self._path)
        except (FileExistsError, FileNotFoundError):
            # taken; or its new owner has swept our partial file away
            return False
        except OSError:  # a file system without hard links
            return self._create_in_two_steps()
        finally:
            partial.unlink(missing_ok=True)
        self._sweep()
        return True

    def _create_in_two_steps(self) -> bool:
        try:
            handle = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(self.owner), file)
        return True

    def _take_over(self) -> None:
        """Replace a dead owner's file; raise WriterLockedError for a living one.

        Of several processes that try at once, the kernel's lock on the old file lets one through.
        """
        try:
            handle = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:  # released a moment ago
            if not self._create():
                raise self._refusal() from None
            return
        with os.fdopen(handle, "r+") as old:
            fcntl.flock(old, fcntl.LOCK_EX)
            if not self._is_still(old.fileno()) or not self._abandoned():
                raise self._refusal()
            self._written_beside().replace(self._path)
            self._sweep()

    def _is_still(self, handle: int) -> bool:
        """Return True while the opened file is at the path: another process may replace it."""
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self._path))
        except FileNotFoundError:
            return False

    def _abandoned(self) -> bool:
        owner = read_owner(self._path)
        if owner is not None:
            return owner.dead
        return time.time() - self._path.stat().st_mtime > WRITING_SECONDS

    def _written_beside(self) -> Path:
        partial = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}.partial")
        partial.write_text(json.dumps(asdict(self.owner)))
        return partial

    def _sweep(self) -> None:
        """Remove the files of processes that were killed while they took the lock."""
        for partial in self._path.parent.glob(f"{self._path.name}.*.partial"):
            partial.unlink(missing_ok=True)

    def _refusal(self) -> WriterLockedError:
        owner = read_owner(self._path)
        who = f"process {owner.pid} on {owner.host}" if owner else "another process"
        local = owner is not None and owner.host == this_host()
        remedy = "stop it first" if local else f"if it is dead, remove {self._path}"
        return WriterLockedError(f"{self._path.parent.name} is being written by {who}; {remedy}")
