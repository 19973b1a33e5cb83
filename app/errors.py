"""Errors that the user can mend: one line (given, expected, what to do) and an exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from typing import Any

from asgml.storage.format.safe_text import one_line
from asgml.storage.format.status import ENDED_WELL

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
REJECTED = 4
DIVERGED = 5
DEFECT = 70
"""The program itself has failed: nothing is known of what was asked. EX_SOFTWARE of sysexits.h."""
INTERRUPTED = 130


def exit_code_of(state: str) -> int:
    """Return the exit code of a command that has waited for a run which ended in this state."""
    if state == "diverged":
        return DIVERGED
    return OK if state in ENDED_WELL else FAILED


class UserError(Exception):
    """An error that ends the command with `exit_code`; its message is one line.

    `record`: what is said beside the message where the command was asked for JSON.
    """

    exit_code = USAGE

    def __init__(self, message: object = "", record: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.record = dict(record or {})


class RunFailedError(UserError):
    """A training that failed, or lacks something that it needs."""

    exit_code = FAILED


class NotFoundError(UserError):
    """No such run, or no trainer in it to answer."""

    exit_code = NOT_FOUND


class RejectedError(UserError):
    """A command that was understood and refused."""

    exit_code = REJECTED


class DefectError(UserError):
    """A defect of the program, met while it did something that has to end in one line."""

    exit_code = DEFECT


def complain(message: object, exit_code: int) -> int:
    """Write the one line to stderr and return the exit code."""
    narrate(f"asgml: {one_line(message)}")
    return exit_code


def narrate(message: object) -> None:
    """Write one line for the user to stderr; stdout is for data.

    Where stderr is full or gone nobody is there to be told, and the work goes on.
    """
    with contextlib.suppress(OSError):
        print(one_line(message), file=sys.stderr, flush=True)
