"""A small terminal for tests and benchmarks: runs the dashboard in a pty and keeps its screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.cells import cell_len

_CONTROL = re.compile(
    r"\x1b\[([0-9;?>=]*)[ -/]*([@-~])|\x1b[\]P].*?(?:\x07|\x1b\\)|\x1b[@-Z\\^_=>]"
)


class Grid:
    """The cells of a screen, from what Textual sends: cursor positions and text, no styles."""

    def __init__(self, width: int, height: int) -> None:
        self.cells = [[" "] * width for _ in range(height)]
        self._row = self._column = 0
        self._rest = ""

    def feed(self, text: str) -> None:
        text, place = self._rest + text, 0
        self._rest = ""
        while place < len(text):
            if text[place] == "\x1b":
                found = _CONTROL.match(text, place)
                if found is None:
                    self._rest = text[place:]
                    return
                self._control(found)
                place = found.end()
            else:
                self._put(text[place])
                place += 1

    def _control(self, found: re.Match[str]) -> None:
        if found.group(2) == "H":
            row, _, column = (found.group(1) or "1;1").partition(";")
            self._row, self._column = int(row) - 1, int(column or 1) - 1
        elif found.group(2) == "C":
            self._column += int(found.group(1) or 1)

    def _put(self, character: str) -> None:
        if character == "\n":
            self._row, self._column = self._row + 1, 0
        elif character >= " " and self._row < len(self.cells):
            if self._column < len(self.cells[self._row]):
                self.cells[self._row][self._column] = character
            self._column += cell_len(character)

    @property
    def rows(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.cells]


class Terminal:
    """A process in a pty of a given size. Counts the bytes that it sends."""

    def __init__(
        self,
        command: list[str],
        width: int = 160,
        height: int = 45,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.grid = Grid(width, height)
        self.bytes = 0
        self._end, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        plain = {
            key: value
            for key, value in os.environ.items()
            if key not in {"SSH_CONNECTION", "SSH_TTY", "NO_COLOR"}
        }
        plain |= {
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            **(environ or {}),
        }
        self.process = subprocess.Popen(
            command, stdin=child, stdout=child, stderr=child, env=plain, start_new_session=True
        )
        os.close(child)
        self.started = time.monotonic()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        decoder = __import__("codecs").getincrementaldecoder("utf-8")("replace")
        while True:
            try:
                data = os.read(self._end, 65536)
            except OSError:
                return
            if not data:
                return
            self.bytes += len(data)
            self.grid.feed(decoder.decode(data))

    def press(self, keys: str) -> None:
        os.write(self._end, keys.encode())

    def wait_for(self, shows: Callable[[list[str]], bool], seconds: float = 30.0) -> bool:
        """Return True once `shows` holds for the rows, False after so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if shows(self.grid.rows):
                return True
            time.sleep(0.02)
        return False

    def wait_quiet(self, quiet: float = 1.0, seconds: float = 30.0) -> bool:
        """Return True once nothing was sent for `quiet` seconds."""
        end, last, since = time.monotonic() + seconds, self.bytes, time.monotonic()
        while time.monotonic() < end:
            time.sleep(0.05)
            if self.bytes != last:
                last, since = self.bytes, time.monotonic()
            elif time.monotonic() - since > quiet:
                return True
        return False

    def close(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        code = self.process.wait(10)
        self._thread.join(2)
        os.close(self._end)
        return code


def dashboard_command(target: str, runs: Path, **options: object) -> list[str]:
    """Return a command line that opens the dashboard."""
    keywords = ", ".join(f"{name}={value!r}" for name, value in options.items())
    call = f"run_dashboard({target!r}, Path({str(runs)!r}), {keywords})"
    imports = "from pathlib import Path; from asgml.tui.app import run_dashboard"
    return [sys.executable, "-P", "-c", f"{imports}; raise SystemExit({call})"]
