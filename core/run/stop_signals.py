"""Signals that end a training: after the step, with a checkpoint, and the second one at once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from asgml.core.run.commands import CommandHandler


class StopNow(BaseException):
    """A second signal: end at once."""


def stop_on_signals(handler_of: Callable[[], CommandHandler]) -> None:
    """Stop after the step on the first SIGTERM or SIGINT, raise StopNow on the second.

    `handler_of` returns the command handler of the present trainer. A lost terminal (SIGHUP) does
    not end a training.
    """
    raised = False

    def on_signal(number: int, frame: FrameType | None) -> None:
        nonlocal raised
        handler = handler_of()
        if handler.stopping and not raised:
            raised = True  # only once: another one would interrupt the closing after the first
            raise StopNow
        handler.stop()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def ignore_signals() -> None:
    """Ignore SIGTERM and SIGINT from the end of the training on: closing takes but a moment."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
