"""The dashboard in a real tmux at two sizes; leaving it leaves the training alone."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import asgml, show, start, wait_for, wait_for_step

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux"),
]


class Tmux:
    """One session of a tmux server of our own."""

    def __init__(self) -> None:
        self.socket = f"asgml-{uuid.uuid4().hex[:8]}"

    def __call__(self, *words: str) -> str:
        return subprocess.run(
            ["tmux", "-L", self.socket, *words], capture_output=True, text=True, check=False
        ).stdout

    def screen(self) -> str:
        return self("capture-pane", "-p")

    def wait_for(self, word: str) -> None:
        wait_for(lambda: word in self.screen())


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    session = Tmux()
    yield session
    session("kill-server")


@pytest.mark.parametrize(("columns", "lines"), [(160, 45), (80, 24)])
def test_watch_steer_and_leave(tmux: Tmux, columns: int, lines: int, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    paths = start("seen", "--epochs", "2000", runs=runs)
    wait_for_step(paths, 30)
    program = f"{shlex.quote(sys.executable)} -P -m asgml"
    watch = f"ASGML_RUNS={shlex.quote(str(runs))} {program} watch seen; sh"
    tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), watch)
    for word in ("RUNNING", "seen", "probe accuracy", "gap", "audio", "visual", "q detach"):
        tmux.wait_for(word)
    shown = tmux.screen().rstrip("\n").split("\n")
    assert len(shown) <= lines and max(map(len, shown)) <= columns

    tmux("send-keys", "Space")
    tmux.wait_for("PAUSED")
    assert show("seen", runs)["state"] == "paused"
    tmux("send-keys", "Space")
    tmux.wait_for("RUNNING")
    tmux("send-keys", "q")
    tmux.wait_for("asgml watch seen")
    wait_for_step(paths, show("seen", runs)["step"] + 5)
    asgml("ctl", "seen", "stop", "--now", runs=runs)
