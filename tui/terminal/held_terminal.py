"""The terminal while the program loads: one line says for what, and typed keys wait unseen."""

from __future__ import annotations

import os
import signal
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from asgml.storage.format.safe_text import safe

_ENTER = "\x1b[?1049h\x1b[2J\x1b[H\x1b[?25l"
_LEAVE = "\x1b[?1049l\x1b[?25h"
_UNDO = (
    "\x1b[<u\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[?7h"
)
"""Keyboard protocol, mouse, focus, pasting, resizing and wrapping, as Textual switches them on."""
_ENDING = (signal.SIGTERM, signal.SIGHUP)


def opening_text(name: str) -> str:
    """Return the line that says what is waited for."""
    return f" OPENING  {safe(name)}  loading the dashboard"


class HeldTerminal:
    """A terminal without echo. `handed_over`: the program draws on it, and clears it up itself.

    `owed` gives what the program changed beyond that and has to be sent if a signal ends it.
    """

    def __init__(self, input: int, output: int, alternate: bool) -> None:
        self.handed_over = False
        self.owed: Callable[[], str] = str
        self._input, self._output, self._alternate = input, output, alternate
        self._before = termios.tcgetattr(input)

    def hold(self, line: str) -> None:
        """Show a line on an empty screen; keys are kept, whether typed before or from now on."""
        termios.tcsetattr(self._input, termios.TCSANOW, _without_echo(self._before))
        self._write(f"{_ENTER}{line}" if self._alternate else "")

    def restore(self) -> None:
        """Leave the terminal as it was found. Keys that nobody has read never reach the shell."""
        if not self.handed_over:
            self._write(_LEAVE if self._alternate else "")
            termios.tcflush(self._input, termios.TCIFLUSH)
        termios.tcsetattr(self._input, termios.TCSADRAIN, self._before)

    def abandon(self, number: int, frame: object) -> None:
        """Restore the terminal in the midst of everything, and end by the signal that came."""
        signal.signal(number, signal.SIG_DFL)
        try:
            self._write(_UNDO + self.owed() + _LEAVE)
            termios.tcflush(self._input, termios.TCIFLUSH)
            termios.tcsetattr(self._input, termios.TCSANOW, self._before)
        except OSError:  # the terminal itself is gone
            pass
        os.kill(os.getpid(), number)

    def _write(self, text: str) -> None:
        # past the streams: a signal may come while one of them is written to
        os.write(self._output, text.encode("utf-8", "replace"))


@contextmanager
def held_terminal(line: str, *, alternate: bool = True) -> Iterator[HeldTerminal | None]:
    """Hold the terminal within the block; None where there is none.

    `alternate`: on the screen of its own that full-screen programs have. The terminal is restored
    whatever happens in the block, also by SIGTERM and SIGHUP.
    """
    held = _terminal(alternate)
    if held is None:
        yield None
        return
    handlers = {number: signal.signal(number, held.abandon) for number in _ENDING}
    try:
        held.hold(line)
        yield held
    finally:
        held.restore()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _terminal(alternate: bool) -> HeldTerminal | None:
    try:
        return HeldTerminal(sys.__stdin__.fileno(), sys.__stderr__.fileno(), alternate)  # type: ignore[union-attr]
    except (termios.error, AttributeError, ValueError):
        return None


def _without_echo(attributes: list[Any]) -> list[Any]:
    """Return the attributes with every key passed on as it is, but for those that interrupt."""
    quiet = list(attributes)
    quiet[0] &= ~(termios.ICRNL | termios.IXON)
    quiet[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    quiet[6] = list(attributes[6])
    quiet[6][termios.VMIN] = 1
    return quiet
