"""`asgml config`: the configuration of a training, and its schema."""

from __future__ import annotations

import typer

from asgml.app.arguments import AsJson, TrainArguments
from asgml.app.cli.expanded import expanded

config_app = typer.Typer(rich_markup_mode=None, help="Show the configuration of a training.")


@config_app.callback(invoke_without_command=True)
def config_root(ctx: typer.Context) -> None:
    """Show the configuration of a training, or its schema."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


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
