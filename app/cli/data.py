"""`asgml data`: the commands that list, check, make and prepare data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asgml.app.arguments import AllowMissing, AsJson, completer

data_app = typer.Typer(rich_markup_mode=None, help="List, check, make and prepare data sets.")

Data = Annotated[
    str,
    typer.Argument(
        metavar="PATH",
        help="As for --data: NAME:PATH, a folder whose layout is known, or a file of arrays.",
        show_default=False,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="An option of the data set, such as frames=3; may be repeated.",
        show_default=False,
    ),
]
OfRecipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="RECIPE",
        help="Take the options of this recipe.",
        autocompletion=completer("recipes"),
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="How many read at the same time [default: one a core]",
        min=0,
        max=128,
        show_default=False,
    ),
]


@data_app.callback(invoke_without_command=True)
def data_root(ctx: typer.Context) -> None:
    """List, check, make and prepare data sets."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@data_app.command(name="list")
def data_list(json_: AsJson = False) -> int:
    """List the data sets that are known by name.

    What each is, its published sizes, its recipes, and the files that it is read from.
    """
    from asgml.app.commands.data import list_data

    return list_data(json_)


@data_app.command()
def check(
    path: Data,
    json_: AsJson = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Look at names, headers and first images only.")
    ] = False,
    recipe: OfRecipe = None,
    set_: Options = None,
    workers: Workers = None,
) -> int:
    """Check whether data is fit to train on, and say what is in it.

    Decodes every file; lists those that are missing, empty, unreadable, too short or silent.
    Exit code 0: fit to train on; 1: not; 3: there is nothing at PATH.
    """
    from asgml.app.commands.data_check import check
    from asgml.app.data_options import data_of

    return check(data_of(path, recipe, tuple(set_ or ())), json_, quick=quick, workers=workers)


@data_app.command(name="make-demo")
def make_demo(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="A folder that is not there yet, or empty.", show_default=False
        ),
    ],
    clips: Annotated[
        int, typer.Option("--clips", metavar="N", help="How many clips to make.", min=30, max=6000)
    ] = 120,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Seed of what they show.", min=0)
    ] = 0,
) -> int:
    """Make generated wav and jpg files in the layout of CREMA-D.

    To try `data check`, `data prepare` and `train` on. stdout is the folder.
    """
    from asgml.app.commands.data import make_demo

    return make_demo(folder, clips, seed)


@data_app.command()
def prepare(
    path: Data,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="DIR",
            help="Where to put it [default: asgml-cache beside the data]",
            show_default=False,
        ),
    ] = None,
    workers: Workers = None,
    allow_missing: AllowMissing = False,
    recipe: OfRecipe = None,
    set_: Options = None,
) -> int:
    """Decode every clip once and keep the result, so that training reads it quickly.

    A training with the same recipe and options finds it by itself. stdout is its path.
    """
    from asgml.app.commands.data import prepare
    from asgml.app.data_options import data_of

    return prepare(
        data_of(path, recipe, tuple(set_ or ())), to, workers=workers, allow_missing=allow_missing
    )
