"""All commands of `asgml` as one program of typer, and a program of one of them alone."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.models import CommandInfo

from asgml.app.cli.alerting import alerting_app
from asgml.app.cli.answers import answers_app
from asgml.app.cli.assistants import assistants_app
from asgml.app.cli.config import config_app
from asgml.app.cli.data import data_app
from asgml.app.cli.inspection import inspection_app
from asgml.app.cli.plain_group import PlainGroup
from asgml.app.cli.plans import plans_app
from asgml.app.cli.reference import reference_app
from asgml.app.cli.reporting import reporting_app
from asgml.app.cli.table import table_app
from asgml.app.cli.training import training_app
from asgml.app.cli.watching import watching_app

_OPTIONS: dict[str, Any] = {
    "name": "asgml",
    "cls": PlainGroup,
    "rich_markup_mode": None,  # plain help: importing rich would double the time of `asgml --help`
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(**_OPTIONS)
app.add_typer(training_app)
app.add_typer(watching_app)
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


def program_with(name: str) -> typer.Typer:
    """Return the program with the command of this name alone; all of it where there is none.

    Building the parameters of all commands takes half as long as importing typer.
    """
    for group in app.registered_groups:
        for command in group.typer_instance.registered_commands if group.typer_instance else ():
            if not group.name and name in _names(command):
                return _with_command(command)
    return app


def _names(command: CommandInfo) -> tuple[str | None, ...]:
    return command.name, command.callback.__name__ if command.callback else None


def _with_command(command: CommandInfo) -> typer.Typer:
    alone = typer.Typer(**_OPTIONS)
    alone.callback()(root)
    alone.registered_commands.append(command)
    return alone


# ClickException, which typer vendors and does not export
CommandLineError: Any = typer.BadParameter.__mro__[2]


def usage(error: Any) -> str:
    """Return the line that says what is wrong with a command line, and where its help is."""
    # one line: typer sets the choices of an option below each other
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "asgml"
    return f"{message.rstrip('.')}; see `{command} --help`"
