"""Run a Python program in a fork of the warm parent, which has imported the slow packages.

As a script it takes the place of Python: `python -S warm_python.py SOCKET -m MODULE …` and `-c CODE
…` are what `python -P` makes of them, `SCRIPT …` what `python` does. Arguments, directory,
environment and the three standard streams are the program's own; signals reach it, and its exit
code is the script's. It ends where the script is killed. The script starts in 30 ms, a program that
imports torch in seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from types import FrameType

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class WarmProcess:
    """A program in a fork of the warm parent."""

    def __init__(
        self,
        address: str,
        arguments: Sequence[str],
        *,
        cwd: str,
        environment: Mapping[str, str],
        streams: Sequence[int],
        outlives: bool = False,
    ) -> None:
        """Start it; `streams` are the descriptors of its input, output and errors.

        It is killed when this process ends, unless it `outlives` it.
        """
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.connect(address)
        order = {
            "arguments": [*arguments],
            "cwd": cwd,
            "environment": dict(environment),
            "outlives": outlives,
        }
        # The descriptors travel with the first byte.
        socket.send_fds(self._connection, [b" "], list(streams))
        self._connection.sendall(json.dumps(order).encode() + b"\n")
        self._answers = self._connection.makefile()
        self._code: int | None = None
        self._lock = threading.Lock()
        self.pid = int(self._answers.readline())

    def poll(self) -> int | None:
        """Return the exit code or minus the signal that ended it, None while it runs."""
        with self._lock:
            if self._code is None and select.select([self._connection], [], [], 0)[0]:
                self._code = int(self._answers.readline())
        return self._code

    def wait(self, seconds: float | None = None) -> int:
        """Wait for its end and return the exit code. Raise TimeoutError after so many seconds."""
        if self._code is None:
            select.select([self._connection], [], [], seconds)
        code = self.poll()
        if code is None:
            raise TimeoutError
        return code

    def send(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


def main() -> None:
    """Be the program that the arguments name, whose signals and end are this process's own."""
    process = WarmProcess(
        sys.argv[1], sys.argv[2:], cwd=os.getcwd(), environment=os.environ, streams=(0, 1, 2)
    )

    def forward(number: int, frame: FrameType | None) -> None:
        process.send(number)

    for number in FORWARDED:
        signal.signal(number, forward)
    code = process.wait()
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code in FORWARDED else None
        os.kill(os.getpid(), -code)
        time.sleep(60)
    os._exit(code)


if __name__ == "__main__":
    main()
