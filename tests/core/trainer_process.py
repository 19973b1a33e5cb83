"""A trainer process for tests: started warm, waited for, signalled, killed."""

from __future__ import annotations

import signal
from pathlib import Path

from warm_kit import start_program

from asgml.storage.format.start_phase import without_phases


class TrainerProcess:
    """The trainer of a run, as the launcher starts it, with its output in trainer.log."""

    def __init__(self, run: Path, *, resume: bool = False) -> None:
        self.run = run
        words = ["-m", "asgml.core.worker", str(run), *(["--resume"] if resume else [])]
        self._process = start_program(words, cwd=run, log=run / "trainer.log")

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float = 120) -> int:
        """Its exit code, once it has ended."""
        try:
            return self._process.wait(seconds)
        except TimeoutError:
            self.send(signal.SIGKILL)
            raise AssertionError(
                f"the trainer still runs after {seconds} s; its log: {self.log()}"
            ) from None

    def send(self, number: signal.Signals) -> None:
        self._process.send(number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL, "it had ended before it was killed"

    def log(self) -> str:
        """Return what trainers of the run said beside their phases of starting."""
        text = (self.run / "trainer.log").read_text(encoding="utf-8")
        return "".join(without_phases(text.splitlines(keepends=True)))
