"""The options of commands that train a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from asgml.app.arguments import Data, Epochs, Set, completer

Plan = Annotated[
    str | None,
    typer.Argument(
        metavar="PLAN",
        help="A shipped plan, or a .toml file; without one, the shipped plans are listed.",
        autocompletion=completer("plans"),
        show_default=False,
    ),
]


@dataclass(frozen=True)
class PlanArguments:
    """What is given for a plan in place of its own, and how it is trained."""

    data: Data = None
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds",
            metavar="N|LIST",
            help="So many seeds from 0, or these: 0,3,7.",
            show_default=False,
        ),
    ] = None
    jobs: Annotated[
        str,
        typer.Option(
            "--jobs",
            metavar="N|auto",
            help="Trainings at a time; auto: one for each GPU, or else for each core, as far as "
            "memory allows.",
        ),
    ] = "auto"
    epochs: Epochs = None
    sets: Set = None
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="RECIPE",
            help="Another recipe below the plan's own settings.",
            autocompletion=completer("recipes"),
            show_default=False,
        ),
    ] = None
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="ROW",
            help="Train this row, and what it needs; may be repeated.",
            show_default=False,
        ),
    ] = None
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Folder of its runs inside that of all runs [default: the plan's name]",
            show_default=False,
        ),
    ] = None
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Train nothing: print what would be trained.")
    ] = False
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Resume also what has failed twice.")
    ] = False
