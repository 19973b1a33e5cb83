"""The program `asgml`: joins the commands, runs one, and turns errors into one line and a code."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any

import typer

from asgml.app.cli.alerting import alerting_app
from asgml.app.cli.answers import answers_app
from asgml.app.cli.assistants import assistants_app
from asgml.app.cli.config import config_app
from asgml.app.cli.data import data_app
from asgml.app.cli.inspection import inspection_app
from asgml.app.cli.plans import plans_app
from asgml.app.cli.reference import reference_app
from asgml.app.cli.reporting import reporting_app
from asgml.app.cli.table import table_app
from asgml.app.cli.training import training_app

app = typer.Typer(
    name="asgml",
    rich_markup_mode=None,  # plain help: importing rich would double the time of `asgml --help`
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(training_app)
app.add_typer(plans_app)
app.add_typer(table_app)
app.add_typer(inspection_app)
app.add_typer(alerting_app)
app.add_typer(answers_app)
app.add_typer(reporting_app)
app.add_typer(reference_app)
app.add_typer(assistants_app)
app.add_typer(config_app, name="config")
app.add_typer(data_app, name="data")


def print_version(asked: bool) -> None:
    """Print the installed version and end the program."""
    if asked:
        from importlib.metadata import version

        typer.echo(f"asgml {version('asgml')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True),
    ] = False,
) -> None:
    """Train multimodal networks in balance, and watch and steer it live in the terminal."""


def run(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; a UserError becomes one line on stderr."""
    from asgml.app.errors import INTERRUPTED, UserError, complain

    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(args=given or ["--help"], prog_name="asgml", standalone_mode=False)
    except UserError as error:
        return complain(error, error.exit_code)
    except _CommandLineError as error:
        return complain(_usage(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run `asgml` as a program: the entry point."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - open until the end
        # a terminal without × or α gets a ? instead of a traceback
        getattr(sys, name).reconfigure(errors="replace")
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
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EPIPE):
            raise
        # What is left in the buffer would be written, and fail, once more as Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if error.errno == errno.EPIPE:  # `asgml … | head`: the reader has seen enough
            return FAILED
        place = error.filename or "the output"
        return complain(f"cannot write {place}: {error.strerror}; make room and try again", FAILED)


# ClickException, which typer vendors and does not export
_CommandLineError: Any = typer.BadParameter.__mro__[2]


def _usage(error: Any) -> str:
    # one line: typer sets the choices of an option below each other
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "asgml"
    return f"{message.rstrip('.')}; see `{command} --help`"
