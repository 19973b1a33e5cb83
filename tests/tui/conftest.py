"""Runs that the dashboard's tests look at; made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_trainer import FakeTrainer
from make_many import make_groups
from make_run import make_run

from asgml.storage.format.layout import RunPaths


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSH_CONNECTION", "SSH_TTY", "NO_COLOR", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    """A finished run of 3000 steps. Read it only."""
    return make_run(tmp_path_factory.mktemp("made") / "runs", 3000, name="made-01")


@pytest.fixture
def trainer(tmp_path: Path) -> Iterator[FakeTrainer]:
    """A living run with some steps behind it."""
    found = FakeTrainer(RunPaths(tmp_path / "runs" / "live-01"))
    for _ in range(120):
        found.train_step()
    found.writer.flush()
    yield found
    found.close()


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Finished runs of two groups and of another protocol. Read them only."""
    return make_groups(tmp_path_factory.mktemp("compared") / "runs")
