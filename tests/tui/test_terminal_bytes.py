"""Through a real pty: an idle dashboard sends nothing, and pieces add up to a full repaint."""

from __future__ import annotations

import subprocess
import sys
import time

from terminal import Terminal, dashboard_command

from asgml.storage.format.layout import RunPaths

_ESCAPE = "\x1b"
_LEFT = "\x1b[D"
_PIECES = ["c", _LEFT, "z", "x", "x", "x", "y", "\t", "\r", "\r", "?", _ESCAPE, "L", _ESCAPE, "r"]
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
        for keys in _PIECES:
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
    heavy = ("torch", "zarr", "asgml.core", "asgml.app", "pydantic", "plotext")
    code = f"import sys, asgml.tui.app; print([name for name in {heavy} if name in sys.modules])"
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
