"""Start trainer processes quickly for tests: import torch once, then fork one for each order.

Run as a script. One JSON order a line on stdin: {"words": [...], "log": PATH} starts a trainer and
answers with its process id; {"ask": PID} answers with its exit code (minus the signal that killed
it), null while it runs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


def serve() -> int:
    """The nursery's own process; in a child, the exit code of its training."""
    import torch

    from asgml.core.worker import main

    torch.optim.SGD(
        [torch.zeros(1, requires_grad=True)], lr=0.1
    )  # imports what torch puts off until the first optimizer
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if "ask" in order:
            pid, status = os.waitpid(order["ask"], os.WNOHANG)
            print(json.dumps(os.waitstatus_to_exitcode(status) if pid else None), flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            return become_trainer(main, order["words"], order["log"])
        print(pid, flush=True)
    return 0


def become_trainer(main: Any, words: list[str], log: str) -> int:
    os.setsid()
    output = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code: int = main(words)
    return code


class Nursery:
    """The tests' side."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-P", __file__]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._hear() == "ready"

    def start(self, run: Path, *, resume: bool = False) -> Child:
        """A trainer for the run, its output in trainer.log."""
        words = [str(run), "--resume"] if resume else [str(run)]
        return Child(self, int(self.ask({"words": words, "log": str(run / "trainer.log")})), run)

    def ask(self, order: dict[str, Any]) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self._hear()

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


class Child:
    """One trainer process."""

    def __init__(self, nursery: Nursery, pid: int, run: Path) -> None:
        self.nursery, self.pid, self.run = nursery, pid, run
        self._code: int | None = None

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        if self._code is None:
            self._code = json.loads(self.nursery.ask({"ask": self.pid}))
        return self._code

    def wait(self, seconds: float = 120) -> int:
        """Its exit code, once it has ended."""
        end = time.monotonic() + seconds
        while self.code is None:
            if time.monotonic() > end:
                self.send(signal.SIGKILL)
                raise AssertionError(
                    f"the trainer still runs after {seconds} s; its log: {self.log()}"
                )
            time.sleep(0.005)
        assert self._code is not None
        return self._code

    def send(self, number: signal.Signals) -> None:
        if self.code is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL, "it had ended before it was killed"

    def log(self) -> str:
        return (self.run / "trainer.log").read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(serve())
