"""The options of `asgml sweep`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from asgml.app.arguments import completer


class Sampler(StrEnum):
    """The ways to choose what is tried next."""

    TPE = "tpe"
    RANDOM = "random"
    GRID = "grid"


@dataclass(frozen=True)
class SweepArguments:
    """What a sweep goes over, for how long, and how its runs are trained."""

    over: Annotated[
        list[str] | None,
        typer.Option(
            "--over",
            metavar="KEY=LOW..HIGH",
            help="A setting to search: a range, with :log or :STEP behind it, or values a,b,c; may "
            "be repeated.",
            autocompletion=completer("settings"),
            show_default=False,
        ),
    ] = None
    trials: Annotated[
        int,
        typer.Option("--trials", metavar="N", help="How many trials in all.", min=1, max=100_000),
    ] = 20
    seeds: Annotated[
        str,
        typer.Option(
            "--seeds", metavar="N|LIST", help="Seeds of each trial: so many, or these: 0,3,7."
        ),
    ] = "1"
    jobs: Annotated[str, typer.Option("--jobs", metavar="N|auto", help="Trainings at a time.")] = (
        "auto"
    )
    prune: Annotated[
        bool,
        typer.Option(
            "--prune/--no-prune",
            help="Stop a trial that is below the median of the others at the same evaluation.",
        ),
    ] = True
    sampler: Annotated[
        Sampler,
        typer.Option("--sampler", help="tpe goes by what was good so far; grid tries all."),
    ] = Sampler.TPE
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Folder of its runs inside that of all runs [default: sweep-DATA-METHOD]",
            show_default=False,
        ),
    ] = None
