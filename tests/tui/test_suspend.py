"""Ctrl-Z in a shell with job control: the terminal is the shell's, until fg draws all again."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shlex
import signal
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
from terminal import dashboard_command

from asgml.storage.format.layout import RunPaths


class Shell:
    """An interactive bash that owns its terminal."""

    def __init__(self) -> None:
        self.pid, self._terminal = pty.fork()
        if not self.pid:
            environment = {**os.environ, "TERM": "xterm-256color", "PS1": "$ "}
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environment)
        self.said = ""

    def type(self, keys: str) -> None:
        self.said = ""
        os.write(self._terminal, keys.encode())

    def read_until(self, holds: Callable[[str], bool], what: str, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not holds(self.said):
            assert time.monotonic() < end, f"never {what}: {self.said[-2000:]!r}"
            if select.select([self._terminal], [], [], 0.1)[0]:
                self.said += os.read(self._terminal, 65536).decode("utf-8", "replace")

    def close(self) -> None:
        for child in psutil.Process(self.pid).children(recursive=True):
            child.kill()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)


@pytest.fixture
def shell() -> Iterator[Shell]:
    found = Shell()
    yield found
    with contextlib.suppress(psutil.Error, ProcessLookupError):
        found.close()


ON, OFF = "\x1b[?1049h", "\x1b[?1049l"
"""To the alternate screen, and back to the shell's."""


def test_ctrl_z_gives_the_shell_back_and_fg_the_dashboard(made_run: RunPaths, shell: Shell) -> None:
    command = dashboard_command(str(made_run.root), made_run.root.parent)
    shell.type(shlex.join(command) + "\n")
    shell.read_until(lambda said: ON in said and "FINISHED" in said, "the dashboard")
    shell.type("\x1a")
    shell.read_until(lambda said: OFF in said and "Stopped" in said, "the shell")
    (stopped,) = psutil.Process(shell.pid).children()
    assert stopped.status() == psutil.STATUS_STOPPED
    shell.type("echo $((6 * 7)); stty -a\n")  # a raw terminal would take no line
    shell.read_until(lambda said: "42" in said and " icanon" in said, "an answer of the shell")
    shell.type("fg\n")
    shell.read_until(lambda said: ON in said and "FINISHED" in said.partition(ON)[2], "fg")
    shell.type("q")
    shell.read_until(lambda said: OFF in said and "asgml replay" in said, "leaving")
