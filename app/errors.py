"""Errors a person can mend: one line that says what was given, what was expected and what to do, and an exit code."""

from __future__ import annotations

import sys

from asgml.storage.format.safe_text import one_line

OK = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
REJECTED = 4
INTERRUPTED = 130


class UserError(Exception):
    """Ends the command with `exit_code`. The message is the one line that the person reads."""

    exit_code = USAGE


class RunFailedError(UserError):
    """The training failed, or something that it needs is missing."""

    exit_code = FAILED


class NotFoundError(UserError):
    """There is no such run, or nobody lives in it to answer."""

    exit_code = NOT_FOUND


class RejectedError(UserError):
    """The command was understood and refused."""

    exit_code = REJECTED


def complain(message: object, exit_code: int) -> int:
    """Writes the one line to stderr and hands the exit code back."""
    print(f"asgml: {one_line(message)}", file=sys.stderr, flush=True)
    return exit_code


def narrate(message: object) -> None:
    """Says to the person, on stderr, what happens; stdout is for data."""
    print(one_line(message), file=sys.stderr, flush=True)
