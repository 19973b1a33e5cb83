"""The commands that tell what there is: methods, recipes, and the state of the computer."""

from __future__ import annotations

from typing import Annotated

import typer

from asgml.app.arguments import AsJson, RunsDirectory, completer

reference_app = typer.Typer()


@reference_app.command()
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


@reference_app.command()
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


@reference_app.command()
def doctor(runs: RunsDirectory = None, json_: AsJson = False) -> int:
    """Check Python, torch, the terminal and the runs directory."""
    from asgml.app.commands.doctor import doctor

    return doctor(runs, json_)
