"""The commands that answer a question with many runs: would balancing help, and what did."""

from __future__ import annotations

from typing import Annotated

import typer

from asgml.app.arguments import AsJson, Data, Epochs, Method, RunsDirectory, Set, completer

answers_app = typer.Typer()

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
