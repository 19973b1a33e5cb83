"""Errors that the user can mend: one line (given, expected, what to do) and an exit code."""

from __future__ import annotations

import sys

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
    """An error that ends the command with `exit_code`; its message is one line."""

    exit_code = USAGE


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
    print(f"asgml: {one_line(message)}", file=sys.stderr, flush=True)
    return exit_code


def narrate(message: object) -> None:
    """Write one line for the user to stderr; stdout is for data."""
    print(one_line(message), file=sys.stderr, flush=True)
