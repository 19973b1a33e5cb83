"""The peers of the dashboard on the same data: `wandb leet` and `terminalboard`, from a venv.

They are never a dependency:

    python -m venv PEERS && PEERS/bin/pip install wandb terminalboard "plotext<6"
"""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from terminal import Terminal

WANDB = """
import sys, time, wandb
folder, steps, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
run = wandb.init(mode="offline", project="peer", dir=folder, settings=wandb.Settings(silent=True))
def log(i):
    run.log({f"m{k}/{'ab'[k % 2]}": 1.0 + (i * (2 * k + 3) % 9973) / 9973 for k in range(14)})
for i in range(steps):
    log(i)
if not rate:
    run.finish()
while rate:
    time.sleep(1 / rate)
    i += 1
    log(i)
"""
_CALM_SECONDS, _BURST = 4.0, 1500
"""All is drawn before so many seconds in which no half of a second brings so many bytes."""


@dataclass(frozen=True)
class Opened:
    """What the opening of a run cost: seconds, seconds of CPU until all was drawn, MB."""

    first: float
    drawn: float
    cpu: float
    memory: float

    def line(self, name: str) -> str:
        return (
            f"{name:<34} {self.first:>8.2f} {self.drawn:>8.2f} {self.cpu:>8.2f} {self.memory:>6.0f}"
        )


def opened(terminal: Terminal, seconds: float = 120.0) -> Opened:
    """Watch a program open a run: its first chart, and the end of its drawing."""
    process = psutil.Process(terminal.process.pid)
    first = -1.0
    drawn, cpu, sent = 0.0, 0.0, terminal.bytes
    while (now := time.monotonic() - terminal.started) < seconds:
        if first < 0 and braille_rows(terminal) > 3:
            first = now
        if terminal.bytes - sent > _BURST or first < 0:
            drawn, cpu = now, cpu_seconds(process)
        elif now - drawn > _CALM_SECONDS:
            break
        sent = terminal.bytes
        time.sleep(0.02 if first < 0 else 0.5)
    return Opened(first, drawn, cpu, memory(process))


def braille_rows(terminal: Terminal) -> int:
    return sum(any("\u2800" < c <= "\u28ff" for c in row) for row in terminal.grid.rows)


def family(process: psutil.Process) -> Iterator[psutil.Process]:
    """A process and its children: a peer may be a launcher of the program that draws."""
    yield process
    yield from process.children(recursive=True)


def cpu_seconds(process: psutil.Process) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in family(process))


def memory(process: psutil.Process) -> float:
    return sum(each.memory_info().rss for each in family(process)) / 2**20


def pace(terminal: Terminal, seconds: float) -> tuple[float, float, float]:
    """Return kB a minute, % of a CPU and MB of a program that draws for so long."""
    process = psutil.Process(terminal.process.pid)
    sent, before, begin = terminal.bytes, cpu_seconds(process), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - begin
    used = cpu_seconds(process) - before
    per_minute = (terminal.bytes - sent) / passed * 60 / 1024
    return per_minute, used / passed * 100, memory(process)


class Peers:
    """The peers' programs, and data for them in a folder."""

    def __init__(self, venv: Path, folder: Path) -> None:
        self._bin = venv / "bin"
        self._folder = folder
        self._home = {"HOME": str(folder), "WANDB_ERROR_REPORTING": "false"}

    def write_wandb(self, name: str, steps: int, rate: float = 0.0) -> subprocess.Popen[bytes]:
        """Begin to log a run of 14 series; with a rate it goes on after `steps`."""
        folder = self._folder / name
        folder.mkdir()
        arguments = [str(folder), str(steps), str(rate)]
        command = [str(self._bin / "python"), "-c", WANDB, *arguments]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def leet(self, name: str, size: tuple[int, int]) -> Terminal:
        """Open the run in `wandb leet`."""
        run = next((self._folder / name).glob("wandb/offline-run-*/*.wandb"))
        return Terminal([str(self._bin / "wandb"), "leet", str(run)], *size, self._home)

    def terminalboard(self, name: str, size: tuple[int, int]) -> Terminal:
        """Open the events in `terminalboard`."""
        command = [str(self._bin / "terminalboard"), str(self._folder / name)]
        return Terminal(command, *size, self._home)


class Events:
    """A file of TensorBoard events, written as TFRecords without TensorBoard."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._file = (folder / "events.out.tfevents.1790000000.here").open("wb")
        self._step = 0

    def log(self, steps: int) -> None:
        for _ in range(steps):
            self._step += 1
            values = b"".join(self._value(k) for k in range(14))
            event = struct.pack("<Bd", 0x09, 1.79e9 + self._step) + b"\x10" + _varint(self._step)
            self._record(event + b"\x2a" + _varint(len(values)) + values)
        self._file.flush()

    def _value(self, k: int) -> bytes:
        tag = f"m{k}/{'ab'[k % 2]}".encode()
        number = 1.0 + self._step * (2 * k + 3) % 9973 / 9973
        value = b"\x0a" + _varint(len(tag)) + tag + struct.pack("<Bf", 0x15, number)
        return b"\x0a" + _varint(len(value)) + value

    def _record(self, data: bytes) -> None:
        length = struct.pack("<Q", len(data))
        self._file.write(length + _masked(length) + data + _masked(data))


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _masked(data: bytes) -> bytes:
    from google_crc32c import value

    crc = value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


if __name__ == "__main__":
    sys.exit("a part of benchmarks/dashboard.py")
