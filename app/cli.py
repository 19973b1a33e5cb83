"""The command line: a command is a name, typed arguments, a docstring and one call into its file.

Importing this module costs typer and nothing else; what a command needs is imported inside it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from asgml.app.arguments import (
    Ascii,
    AsJson,
    ControlArguments,
    Format,
    LatestRun,
    LaunchMode,
    Name,
    RunRef,
    RunsDirectory,
    TrainArguments,
    completer,
    expanded,
)
from asgml.app.data_cli import data_app

app = typer.Typer(
    name="asgml",
    rich_markup_mode=None,  # plain help: importing rich would double the time of `asgml --help`
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
config_app = typer.Typer(rich_markup_mode=None, help="Show the configuration of a training.")
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


@config_app.callback(invoke_without_command=True)
def config_root(ctx: typer.Context) -> None:
    """Show the configuration of a training, or its schema."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command()
@expanded()
def train(
    given: TrainArguments, mode: LaunchMode, name: Name = None, runs: RunsDirectory = None
) -> int:
    """Start a training run in the background.

    In a terminal the dashboard opens on it, and leaving that never stops the training.
    stdout is the run's path.
    """
    from asgml.app.commands.train import train

    return train(given, name, runs, mode)


@app.command()
@expanded(without=("recipe", "data", "allow_missing"))
def demo(
    given: TrainArguments, mode: LaunchMode, name: Name = None, runs: RunsDirectory = None
) -> int:
    """Train on the built-in data with the dashboard on top."""
    from asgml.app.commands.train import train

    return train(replace(given, recipe="demo"), name, runs, mode)


@app.command()
@expanded()
def resume(run: RunRef, mode: LaunchMode, runs: RunsDirectory = None) -> int:
    """Go on with a run from its last checkpoint.

    For runs that were stopped, failed or crashed.
    """
    from asgml.app.commands.train import resume

    return resume(run, runs, mode)


@app.command()
def watch(
    run: LatestRun = "latest",
    readonly: Annotated[
        bool, typer.Option("--readonly", help="Look only: no key can change the run.")
    ] = False,
    inline: Annotated[
        bool,
        typer.Option("--inline", help="A few lines under the prompt instead of the whole screen."),
    ] = False,
    runs: RunsDirectory = None,
    ascii_: Ascii = False,
) -> int:
    """Open the dashboard on a run.

    Live while the run trains, as it ended afterwards. q leaves it and never stops the training.
    """
    from asgml.app.commands.watch import watch

    return watch(run, runs, readonly=readonly, inline=inline, ascii_=ascii_)


@app.command()
def replay(
    run: RunRef,
    speed: Annotated[
        float, typer.Option("--speed", metavar="X", help="Times real speed.", min=0.01, max=10_000)
    ] = 1.0,
    at: Annotated[
        int | None,
        typer.Option("--at", metavar="STEP", help="Begin at this step.", min=0, show_default=False),
    ] = None,
    runs: RunsDirectory = None,
    ascii_: Ascii = False,
) -> int:
    """Play a stored run back in the dashboard."""
    from asgml.app.commands.watch import replay

    return replay(run, runs, speed=speed, at=at, ascii_=ascii_)


@app.command(name="runs")
def runs_(runs: RunsDirectory = None, json_: AsJson = False) -> int:
    """List the runs, the newest first."""
    from asgml.app.commands.runs import runs as list_them

    return list_them(runs, json_)


@app.command()
def show(
    run: LatestRun = "latest",
    runs: RunsDirectory = None,
    json_: AsJson = False,
    charts: Annotated[
        bool, typer.Option("--charts/--no-charts", help="Draw the key panels below the tables.")
    ] = True,
) -> int:
    """Show one run in numbers and charts.

    Its state, knobs, interventions, and the last and best value of every metric.
    """
    from asgml.app.commands.show import show

    return show(run, runs, json_, charts)


@app.command()
def tail(
    run: LatestRun = "latest",
    runs: RunsDirectory = None,
    json_: AsJson = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run ends.")
    ] = False,
    lines: Annotated[
        int,
        typer.Option(
            "--lines", "-n", metavar="N", help="How many of the last lines to begin with.", min=0
        ),
    ] = 10,
    every: Annotated[
        int,
        typer.Option(
            "--every",
            metavar="N",
            help="Only steps divisible by N; events are always shown.",
            min=1,
        ),
    ] = 1,
) -> int:
    """Print the last steps and events of a run.

    With --follow until the run ends; the exit code is then 1 if it failed or crashed.
    """
    from asgml.app.commands.tail import tail

    return tail(run, runs, json_, follow, lines, every)


@app.command()
def check(run: RunRef, runs: RunsDirectory = None, json_: AsJson = False) -> int:
    """Check that a run is whole, for instance after copying it.

    One line for each finding, with its remedy: chunks that are missing or damaged, rows or events
    that cannot be read, a checkpoint that is missing or broken. A run that trains is checked as
    far as it is published. Exit code 0: the run is whole; 1: there are findings; 3: no such run.
    """
    from asgml.app.commands.check import check

    return check(run, runs, json_)


@app.command()
@expanded()
def ctl(
    run: RunRef, given: ControlArguments, runs: RunsDirectory = None, json_: AsJson = False
) -> int:
    """Pause, stop or change a running training.

    asgml ctl RUN pause|resume|stop|checkpoint|evaluate, asgml ctl RUN set KNOB=VALUE,
    asgml ctl RUN note TEXT. Exit code 3: nobody answers; 4: the trainer refused.
    """
    from asgml.app.commands.ctl import ctl

    return ctl(run, runs, given, json_)


@app.command()
def export(
    run: RunRef,
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="Directory (csv, parquet) or file (jsonl) to write.",
            show_default=False,
        ),
    ],
    to: Annotated[Format, typer.Option("--to", help="Format.", show_default=False)],
    force: Annotated[bool, typer.Option("--force", help="Write over files that exist.")] = False,
    superseded: Annotated[
        bool, typer.Option("--superseded", help="Include rows that a resumed run trained again.")
    ] = False,
    runs: RunsDirectory = None,
) -> int:
    """Write a run as CSV, Parquet or JSON lines.

    CSV and Parquet: a directory OUT with one file per table. JSON lines: one file, in which each
    line names its `table`.
    """
    from asgml.app.commands.export import export

    return export(run, runs, to.value, out, force, superseded)


@app.command()
def methods(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="One method in full.",
            autocompletion=completer("methods"),
            show_default=False,
        ),
    ] = None,
    json_: AsJson = False,
) -> int:
    """List the balancing methods, or describe one."""
    from asgml.app.commands.methods import methods

    return methods(name, json_)


@app.command()
def recipes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Print this recipe's file.",
            autocompletion=completer("recipes"),
            show_default=False,
        ),
    ] = None,
    json_: AsJson = False,
) -> int:
    """List the recipes, or print one to begin your own from."""
    from asgml.app.commands.recipes import recipes

    return recipes(name, json_)


@config_app.command(name="show")
@expanded()
def config_show(given: TrainArguments, json_: AsJson = False) -> int:
    """Show every value and where it comes from.

    With the same arguments as `train`: exactly what that would use.
    """
    from asgml.app.commands.config import show

    return show(given, json_)


@config_app.command(name="schema")
def config_schema() -> int:
    """Print the JSON schema of a run's configuration."""
    from asgml.app.commands.config import schema

    return schema()


@app.command()
def doctor(runs: RunsDirectory = None, json_: AsJson = False) -> int:
    """Check Python, torch, the terminal and the runs directory."""
    from asgml.app.commands.doctor import doctor

    return doctor(runs, json_)


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
    """The entry point of `asgml`."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - open until the end
        # a terminal without × or α gets a ? instead of a traceback
        getattr(sys, name).reconfigure(errors="replace")
    sys.exit(run())


_CommandLineError: Any = typer.BadParameter.__mro__[
    2
]  # ClickException, which typer vendors and does not export


def _usage(error: Any) -> str:
    message = error.format_message()
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "asgml"
    return f"{message.rstrip('.')}; see `{command} --help`"
