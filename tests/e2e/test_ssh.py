"""A real sshd on loopback: the dashboard over SSH, the connection cut, the training unharmed.

Installs Debian's openssh-server where it is missing and we may. Run with
`uv run pytest -m slow tests/e2e/test_ssh.py`.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import pty
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from programs import asgml, environment, show, start, trainer, wait_for, wait_for_step

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Server:
    """An sshd of our own on a loopback port, with a key that opens it."""

    port: int
    key: Path

    def command(self, remote: str) -> list[str]:
        options = [
            "UserKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=no",
            "LogLevel=ERROR",
            "BatchMode=yes",
        ]
        words = [word for option in options for word in ("-o", option)]
        return [
            "ssh",
            "-tt",
            "-i",
            str(self.key),
            "-p",
            str(self.port),
            *words,
            f"{getpass.getuser()}@127.0.0.1",
            remote,
        ]


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Server]:
    program = _install()
    host_key, key = tmp_path / "host_key", tmp_path / "key"
    for path in (host_key, key):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    authorized = tmp_path / "authorized_keys"
    authorized.write_text(key.with_suffix(".pub").read_text())
    authorized.chmod(0o600)
    Path("/run/sshd").mkdir(exist_ok=True)
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": host_key,
        "AuthorizedKeysFile": authorized,
        "StrictModes": "no",
        "PidFile": tmp_path / "sshd.pid",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "UsePAM": "no",
    }
    config = tmp_path / "sshd_config"
    config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    server = subprocess.Popen([program, "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
    wait_for(lambda: _listens(port), 20)
    yield Server(port, key)
    server.terminate()
    server.wait()


def test_the_connection_is_cut_and_the_run_is_unharmed(sshd: Server, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    paths = start("remote", "--epochs", "2000", runs=runs)
    wait_for_step(paths, 5)
    process = trainer(paths)
    remote = f"cd {shlex.quote(str(tmp_path))} && "
    remote += f"ASGML_RUNS={shlex.quote(str(runs))} TERM=xterm-256color "
    remote += f"{shlex.quote(sys.executable)} -P -m asgml watch remote"
    terminal = Terminal(sshd.command(remote), runs)
    terminal.read_until("RUNNING")
    terminal.type(" ")
    terminal.read_until("PAUSED")
    wait_for(lambda: show("remote", runs)["state"] == "paused")
    terminal.type(" ")
    wait_for(lambda: show("remote", runs)["state"] == "running")

    assert _dashboards()
    terminal.cut()
    reached = show("remote", runs)["step"]
    wait_for_step(paths, reached + 20)
    assert process.is_running() and show("remote", runs)["pid"] == process.pid
    wait_for(lambda: not _dashboards(), 20)
    asgml("ctl", "remote", "stop", "--now", runs=runs)


class Terminal:
    """A program in a pseudo-terminal of 160x45."""

    def __init__(self, words: list[str], runs: Path) -> None:
        self.pid, self.handle = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, environment(runs))
        fcntl.ioctl(self.handle, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
        self.seen = b""

    def read_until(self, word: str, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while word.encode() not in self.seen:
            assert time.monotonic() < until, (
                f"{word!r} did not appear; the end of the screen: {self.seen[-2000:]!r}"
            )
            ready, _, _ = select.select([self.handle], [], [], 0.2)
            self.seen += os.read(self.handle, 65536) if ready else b""

    def type(self, keys: str) -> None:
        self.seen = b""
        os.write(self.handle, keys.encode())

    def cut(self) -> None:
        """The network is gone: the client dies without a goodbye."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.handle)


def _dashboards() -> list[int]:
    """The dashboards of the run that are alive on this machine."""
    words = [
        (process.pid, process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])
    ]
    return [
        pid
        for pid, line in words
        if line[:1] == [sys.executable] and line[-2:] == ["watch", "remote"]
    ]


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _install() -> str:
    if shutil.which("sshd", path="/usr/sbin:/usr/bin") is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            pytest.skip("needs sshd (Debian's openssh-server), or root and apt-get to install it")
        subprocess.run(["apt-get", "update", "-qq"], check=True, capture_output=True)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "openssh-server"], check=True, capture_output=True
        )
    found = shutil.which("sshd", path="/usr/sbin:/usr/bin")
    assert found is not None
    return found
