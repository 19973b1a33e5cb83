"""For the command line: call it as the user would, with a fake trainer behind it."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asgml.app.cli.program import run
from asgml.storage.format.layout import list_runs
from asgml.storage.format.process import start_of

HERE = Path(__file__).resolve().parent
FAKE = (
    f"import sys; sys.path[:0] = {[str(HERE), str(HERE.parent)]!r}; "
    "import fake_worker; sys.exit(fake_worker.main())"
)


@dataclass(frozen=True)
class Said:
    """The output of a command, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def asgml(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs one command in this process."""

    def call(*arguments: object) -> Said:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Said(code, out, err)

    return call


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty runs directory, whose runs get the fake trainer, which ends with the test."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("ASGML_RUNS", str(folder))
    monkeypatch.setattr(
        "asgml.app.launcher.worker_command", lambda: [sys.executable, "-P", "-c", FAKE]
    )
    yield folder
    for paths in list_runs(folder):
        if paths.launch.is_file():
            _end(json.loads(paths.launch.read_text(encoding="utf-8")))


def _end(launch: dict[str, Any]) -> None:
    if start_of(launch["pid"]) == launch["process_start"]:
        os.kill(launch["pid"], signal.SIGKILL)
