"""The program `asgml`: runs one command, and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from typing import Any

from asgml.app.cli.plain import is_given, plain_where_asked
from asgml.app.cli.quick_look import look, quick_look
from asgml.app.cli.quick_watch import QuickWatch, quick_watch
from asgml.storage.format.plain_text import register

FULL_OR_GONE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EPIPE)
"""Errors of an output that takes nothing any more."""


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; a UserError becomes one line on stderr.

    With `--json` it is one object on stdout too: {"error": …, "exit_code": …}.
    """
    given = sys.argv[1:] if arguments is None else arguments
    with plain_where_asked(given):
        return _run(given)


def _run(given: list[str]) -> int:
    from asgml.app.errors import FAILED, INTERRUPTED, UserError

    try:
        if (quick := quick_watch(given)) is not None:
            code: object = _watch(quick)
        elif (plain := quick_look(given)) is not None:
            code = look(plain)
        else:
            code = _run_by_typer(given)
    except UserError as error:
        return _refused(str(error), error.exit_code, given, error.record)
    except OSError as error:
        if error.filename is None or error.errno in FULL_OR_GONE:
            raise
        return _refused(f"{error.filename}: {error.strerror}", FAILED, given, {})
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _refused(message: str, exit_code: int, given: list[str], record: Mapping[str, Any]) -> int:
    """Tell why a command did nothing: a line, and JSON where that was asked for."""
    from asgml.app.errors import complain

    if is_given("--json", given):
        from asgml.app.output import print_json
        from asgml.storage.format.safe_text import one_line

        refusal = {**record, "error": one_line(message), "exit_code": exit_code}
        print_json(refusal, indent=None)  # one line: what `tail --json` prints is read by lines
    return complain(message, exit_code)


def _watch(given: QuickWatch) -> int:
    from asgml.app.commands.watch import watch

    return watch(
        given.run, given.runs, readonly=given.readonly, inline=given.inline, ascii_=given.ascii
    )


def _run_by_typer(given: list[str]) -> object:
    """Parse and run a command line. Return what the command returned, or an exit code."""
    import typer

    from asgml.app.cli.tree import CommandLineError, app, program_with, usage
    from asgml.app.errors import INTERRUPTED

    program = program_with(given[0]) if given else app
    try:
        return program(args=given or ["--help"], prog_name="asgml", standalone_mode=False)
    except CommandLineError as error:
        return _refused(usage(error), error.exit_code, given, {})
    except typer.Abort:
        return INTERRUPTED


def main() -> None:
    """Run `asgml` as a program: the entry point."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - open until the end
        # a terminal without × or α gets x or alpha instead of a traceback
        getattr(sys, name).reconfigure(errors=register())
    sys.exit(_run_and_flush())


def _run_and_flush() -> int:
    """Run the command and write out what it printed; an output that is full becomes one line."""
    from asgml.app.errors import FAILED, complain

    try:
        code = run()
        if not sys.stdout.closed:  # as the SDK of `asgml mcp` leaves it
            sys.stdout.flush()
        return code
    except OSError as error:
        if error.errno not in FULL_OR_GONE:
            raise
        # What is left in the buffer would be written, and fail, once more as Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if error.errno == errno.EPIPE:  # `asgml … | head`: the reader has seen enough
            return FAILED
        place = error.filename or "the output"
        return complain(f"cannot write {place}: {error.strerror}; make room and try again", FAILED)
