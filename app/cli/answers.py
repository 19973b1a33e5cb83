"""The commands that answer a question with many runs: would balancing help, and what did."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from asgml.app.arguments import Ascii, AsJson, Data, Epochs, Method, RunsDirectory, Set, completer

answers_app = typer.Typer()


class Axis(StrEnum):
    """What curves are drawn over."""

    STEP = "step"
    EPOCH = "epoch"
    TIME = "time"


StoredDiagnosis = Annotated[
    str | None,
    typer.Argument(
        metavar="DIR",
        help="A stored diagnosis, to print it again: its folder, or its name in the runs.",
        show_default=False,
    ),
]
OfRecipe = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="RECIPE",
        help="A name of `asgml recipes`, or a .toml file.",
        autocompletion=completer("recipes"),
        show_default=False,
    ),
]
SeedCount = Annotated[
    int, typer.Option("--seeds", metavar="N", help="Seeds of every training.", min=1, max=100)
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        metavar="N",
        help="Trainings at the same time [default: one a GPU, else one a core]",
        min=1,
        max=1024,
        show_default=False,
    ),
]


@answers_app.command()
def diagnose(
    stored: StoredDiagnosis = None,
    data: Data = None,
    recipe: OfRecipe = None,
    seeds: SeedCount = 3,
    epochs: Epochs = None,
    method: Method = None,
    jobs: Jobs = None,
    set_: Set = None,
    runs: RunsDirectory = None,
    json_: AsJson = False,
) -> int:
    """Find out whether balancing is likely to help on a data set.

    Trains each modality alone, all of them without balancing, and all with a method of balancing,
    with the same seeds and budget, and judges by validation alone; the test split is not read.
    The same command goes on where it was interrupted.
    """
    from asgml.app.commands.diagnose import diagnose
    from asgml.app.diagnosis.diagnosis_plan import DiagnosisArguments

    given = DiagnosisArguments(data, recipe, method, seeds, epochs, tuple(set_ or ()))
    return diagnose(stored, given, jobs, runs, json_)


@answers_app.command()
def compare(
    refs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN|GROUP|PLAN…",
            help="Names of runs, groups (as `runs --group` prints them) or plans, paths, or "
            "regular expressions of names.",
            autocompletion=completer("runs"),
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            metavar="M",
            help="The number that is compared [default: test accuracy of the chosen epoch]",
            show_default=False,
        ),
    ] = None,
    by: Annotated[Axis, typer.Option("--by", help="What the curves are drawn over.")] = Axis.EPOCH,
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            metavar="EXPR",
            help="Only runs of which this holds, such as 'method=boost and val>0.7'.",
            show_default=False,
        ),
    ] = None,
    group: Annotated[
        bool, typer.Option("--group", help="Runs that differ in their seed alone are one group.")
    ] = False,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="NAME",
            help="The run or group that the others are paired with [default: the plan's, or the "
            "first]",
            show_default=False,
        ),
    ] = None,
    charts: Annotated[
        bool, typer.Option("--charts/--no-charts", help="Draw the curves below the tables.")
    ] = True,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show them in the dashboard, on one grid of charts.")
    ] = False,
    ascii_: Ascii = False,
    runs: RunsDirectory = None,
    json_: AsJson = False,
) -> int:
    """Compare runs, groups of runs, or the rows of a plan.

    The settings that differ side by side, mean ± std and interval of each, paired tests on the
    seeds that both have, and a chart. Numbers of another protocol are marked and never paired.
    """
    from asgml.app.commands.compare import Comparison, compare

    given = Comparison(tuple(refs or ()), metric, by.value, where, group, baseline, watch, ascii_)
    return compare(given, runs, json_, charts)
