"""Through a real pty: nothing new sends nothing, what is sent in pieces is what a full repaint shows, leaving gives the terminal back."""

from __future__ import annotations

import subprocess
import sys
import time

from asgml.storage.format.layout import RunPaths
from tests.tui.terminal import Terminal, dashboard_command

_GENEROUS_IDLE_BYTES = 200
"""For something unforeseen on a busy machine; the dashboard itself sends 0."""


def test_idle_sends_nothing_and_pieces_add_up_to_the_whole(made_run: RunPaths) -> None:
    terminal = Terminal(dashboard_command("made-01", made_run.root.parent), 120, 36)
    try:
        assert terminal.wait_for(
            lambda rows: (
                any("probe accuracy" in row for row in rows)
                and any("made-01  " in row for row in rows)
            ),
            60,
        )
        assert terminal.wait_quiet(1.5, 60)
        sent = terminal.bytes
        time.sleep(3)
        assert terminal.bytes - sent <= _GENEROUS_IDLE_BYTES
        for keys in [
            "c",
            "\x1b[D",
            "z",
            "x",
            "x",
            "x",
            "l",
            "\t",
            "\r",
            "\r",
            "?",
            "\x1b",
            "L",
            "\x1b",
            "r",
        ]:
            terminal.press(keys)
            terminal.wait_quiet(0.3, 20)
        assert terminal.wait_quiet(1.5, 60)
        pieces = terminal.grid.rows
        terminal.press("\x0c")  # ctrl+l: everything is sent again
        assert terminal.wait_for(
            lambda rows: terminal.bytes - sent > 3000, 20
        ) and terminal.wait_quiet(1.0, 60)
        assert terminal.grid.rows == pieces
        terminal.press("q")
        assert terminal.process.wait(30) == 0
    finally:
        terminal.close()


def test_importing_the_dashboard_loads_nothing_heavy() -> None:
    code = "import sys, asgml.tui.app; print([name for name in ('torch', 'zarr', 'asgml.core', 'asgml.app', 'pydantic', 'plotext') if name in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )
