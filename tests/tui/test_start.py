"""The start of `asgml watch`: the terminal is held at once, and given back whatever happens."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal
from tui_kit import shows

from asgml.storage.format.layout import RunPaths
from asgml.tui.app import Dashboard

ENDS = {
    "an exception": "raise RuntimeError('broken')",
    "an exit": "raise SystemExit(0)",
    "SIGTERM": "os.kill(os.getpid(), signal.SIGTERM)",
    "SIGHUP": "os.kill(os.getpid(), signal.SIGHUP)",
    "ctrl+c": "os.kill(os.getpid(), signal.SIGINT)",
}
HELD = """
import os, signal, sys
from asgml.tui.terminal.held_terminal import held_terminal, opening_text
with held_terminal(opening_text('mine'), alternate={alternate}):
    sys.stdin.read(1)
    {end}
"""
WATCH = """
import sys
sys.argv = ["asgml", "watch", {run!r}, "--runs", {runs!r}]
{first}
from asgml.app.cli.program import main
main()
"""
AT_FIRST_FRAME = """
import json
from asgml.tui.app import Dashboard
def report(self):
    open({path!r}, "w").write(json.dumps(list(sys.modules)))
    self.exit(0)
Dashboard._open_first = report
"""


class Pty:
    """Both ends of a terminal, so that it outlives the program in it."""

    def __init__(self) -> None:
        self.mine, self.theirs = pty.openpty()
        self.said = b""

    def run(self, code: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
            start_new_session=True,
        )

    def until(self, word: bytes, seconds: float = 60) -> None:
        while word not in self.said:
            assert select.select([self.mine], [], [], seconds)[0], (word, self.said)
            self.said += os.read(self.mine, 65536)

    def unread(self) -> bytes:
        """What a shell would read now."""
        flags = termios.tcgetattr(self.theirs)
        flags[3] &= ~termios.ICANON
        flags[6][termios.VMIN] = flags[6][termios.VTIME] = 0
        termios.tcsetattr(self.theirs, termios.TCSANOW, flags)
        return os.read(self.theirs, 100)


@pytest.fixture
def tty() -> Iterator[Pty]:
    found = Pty()
    yield found
    os.close(found.mine)
    os.close(found.theirs)


@pytest.mark.parametrize("end", ENDS)
def test_the_terminal_comes_back_whatever_ends_the_loading(end: str, tty: Pty) -> None:
    before = termios.tcgetattr(tty.theirs)
    process = tty.run(HELD.format(alternate=True, end=ENDS[end]))
    tty.until(b"mine")
    assert b"\x1b[?1049h" in tty.said
    assert not termios.tcgetattr(tty.theirs)[3] & (termios.ECHO | termios.ICANON)
    os.write(tty.mine, b"xrm -rf\r")
    tty.until(b"\x1b[?1049l")
    process.wait(20)
    assert termios.tcgetattr(tty.theirs) == before
    assert b"rm -rf" not in tty.said, "typed keys are not echoed"
    assert tty.unread() == b"", "nor are they left for the shell"


def test_held_inline_the_screen_of_the_shell_stays(tty: Pty) -> None:
    tty.run(HELD.format(alternate=False, end="print('over')"))
    os.write(tty.mine, b"x")
    tty.until(b"over")
    assert b"\x1b" not in tty.said


def test_a_running_dashboard_that_is_terminated_gives_the_terminal_back(
    tty: Pty, made_run: RunPaths
) -> None:
    before = termios.tcgetattr(tty.theirs)
    process = tty.run(WATCH.format(run="made-01", runs=str(made_run.root.parent), first=""))
    tty.until(b"probe accuracy")
    process.terminate()
    tty.until(b"\x1b[?1003l")
    tty.until(b"\x1b[?1049l")
    assert process.wait(20) == -15
    assert termios.tcgetattr(tty.theirs) == before


def test_the_first_frame_comes_before_all_that_draws_charts(
    tty: Pty, made_run: RunPaths, tmp_path: Path
) -> None:
    path = tmp_path / "modules.json"
    first = AT_FIRST_FRAME.format(path=str(path))
    process = tty.run(WATCH.format(run="made-01", runs=str(made_run.root.parent), first=first))
    tty.until(b"OPENING")
    tty.until(b"\x1b[?1049l")
    assert process.wait(20) == 0
    loaded = set(json.loads(path.read_text()))
    assert "textual.app" in loaded
    heavy = {"numpy", "pydantic", "typer", "zarr", "scipy", "psutil", "numcodecs", "sqlite3"}
    assert not heavy & loaded
    drawn_later = ("asgml.tui.widgets", "asgml.tui.session", "asgml.tui.scene.scene")
    assert not [name for name in loaded if name.startswith(drawn_later)]


def test_keys_typed_while_the_program_loads_are_run_when_it_runs(made_run: RunPaths) -> None:
    code = WATCH.format(run="made-01", runs=str(made_run.root.parent), first="")
    terminal = Terminal([sys.executable, "-P", "-c", code], 120, 40)
    try:
        terminal.press("?")
        assert terminal.wait_for(
            lambda rows: any("save a checkpoint now" in row for row in rows), 60
        )
    finally:
        terminal.close()


async def test_keys_are_held_until_the_run_is_there_and_q_leaves_at_once(
    made_run: RunPaths,
) -> None:
    app = Dashboard("made-01", made_run.root.parent, interval=0.03)
    async with app.run_test(size=(120, 40)) as pilot:
        app._held_keys.holding = True
        await pilot.press("question_mark")
        app._run_held_keys()
        await shows(pilot, "save a checkpoint now")
        app._held_keys.holding = True
        await pilot.press("q")
        assert app.return_code == 0
