"""`asgml config`: the configuration of a training, and its schema."""

from __future__ import annotations

from typing import Annotated

import typer

from asgml.app.arguments import AsJson, TrainArguments
from asgml.app.cli.expanded import expanded

PreferencesOnly = Annotated[
    bool, typer.Option("--settings", help="Your preferences (settings.toml) instead.")
]
config_app = typer.Typer(rich_markup_mode=None, help="Show the configuration of a training.")


@config_app.callback(invoke_without_command=True)
def config_root(ctx: typer.Context) -> None:
    """Show the configuration of a training, or its schema."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@config_app.command(name="show")
@expanded()
def config_show(
    given: TrainArguments, settings: PreferencesOnly = False, json_: AsJson = False
) -> int:
    """Show every value and where it comes from.

    With the same arguments as `train`: exactly what that would use.
    """
    if settings:
        from asgml.app.commands.config_settings import show_settings

        return show_settings(json_)
    from asgml.app.commands.config import show

    return show(given, json_)


@config_app.command(name="schema")
def config_schema(settings: PreferencesOnly = False) -> int:
    """Print the JSON schema of a run's configuration."""
    if settings:
        from asgml.app.commands.config_settings import settings_schema

        return settings_schema()
    from asgml.app.commands.config import schema

    return schema()
