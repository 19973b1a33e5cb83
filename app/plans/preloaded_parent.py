"""The command line's side of the preloaded process, which forks a trainer for each request."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from asgml.app.launcher import python_command, worker_environment

ANSWER_SECONDS = 300.0
"""Most that importing torch may take on a slow file system."""


class PreloadedError(Exception):
    """The preloaded process could not be started, or is gone. The message is one line."""


@dataclass
class ForkedProcess:
    """A program that the preloaded process has forked."""

    pid: int
    parent: PreloadedParent
    request: int

    def poll(self) -> int | None:
        """Return the exit code or minus the signal that ended it.

        None while it runs, and from the end of the parent on, when nobody can tell.
        """
        return self.parent.exits.get(self.request)


class PreloadedParent:
    """The process, from its start to `close`. It imports while other things are done.

    Raise PreloadedError where it cannot be started.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        self.exits: dict[int, int] = {}
        self._pids: Queue[dict[str, Any] | None] = Queue()
        self._requests = 0
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - open until `close`
        try:
            self._process = subprocess.Popen(
                [*preloaded_command(), *modules],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                cwd="/",
                env=worker_environment(os.environ),
                start_new_session=True,  # Ctrl-C in the terminal is not for it
            )
        except OSError as error:
            raise PreloadedError(f"the preloaded process cannot be started: {error}") from None
        self.pid = 0  # known once all is imported
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def run(
        self,
        program: str,
        arguments: Sequence[str],
        *,
        folder: Path,
        log: Path,
        environment: Mapping[str, str],
    ) -> ForkedProcess:
        """Fork a program; the first one waits until all is imported.

        Raise PreloadedError where the parent is gone or cannot fork.
        """
        if not self.pid:
            self.pid = int(self._answer()["ready"])
        self._requests += 1
        request = {
            "id": self._requests,
            "program": program,
            "arguments": list(arguments),
            "folder": str(folder),
            "log": str(log),
            "environment": dict(environment),
        }
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
        except OSError:
            raise self._gone() from None
        answer = self._answer()
        if "error" in answer:
            raise PreloadedError(str(answer["error"]))
        return ForkedProcess(int(answer["pid"]), self, self._requests)

    def close(self) -> None:
        """End the process; what it has forked goes on."""
        assert self._process.stdin is not None
        with suppress(OSError):  # it is gone, and a request was never read
            self._process.stdin.close()
        self._process.wait()
        self._said.close()

    def _listen(self) -> None:
        """Sort the answers: ends of processes, and replies to the one request in flight."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            if "exit" in answer:
                self.exits[answer["id"]] = answer["exit"]
            else:
                self._pids.put(answer)
        self._pids.put(None)

    def _answer(self) -> dict[str, Any]:
        try:
            answer = self._pids.get(timeout=ANSWER_SECONDS)
        except Empty:
            self._process.kill()
            raise PreloadedError("the preloaded process does not answer") from None
        if answer is None:
            raise self._gone()
        return answer

    def _gone(self) -> PreloadedError:
        self._process.wait()
        self._said.seek(0)
        lines = self._said.read().decode("utf-8", errors="replace").strip().splitlines()
        return PreloadedError(f"the preloaded process has ended: {lines[-1] if lines else '–'}")


def preloaded_command() -> list[str]:
    """Return the command line of the preloaded process, without the modules to import."""
    return python_command("asgml.core.preloaded")
