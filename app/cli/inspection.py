"""The commands that read runs without the dashboard: list, show, follow, check, export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from asgml.app.arguments import AsJson, LatestRun, RunRef, RunsDirectory, completer


class Format(StrEnum):
    """The formats that `export` can write."""

    CSV = "csv"
    PARQUET = "parquet"
    JSONL = "jsonl"


class Split(StrEnum):
    """The splits that `ensemble` can predict."""

    VAL = "val"
    TEST = "test"


inspection_app = typer.Typer()


@inspection_app.command()
def show(
    run: LatestRun = "latest",
    runs: RunsDirectory = None,
    json_: AsJson = False,
    charts: Annotated[
        bool, typer.Option("--charts/--no-charts", help="Draw the key panels below the tables.")
    ] = True,
    against_baseline: Annotated[
        bool,
        typer.Option(
            "--against-baseline",
            help="Did it help? Beside the baseline runs of its protocol, by modality.",
        ),
    ] = False,
) -> int:
    """Show one run in numbers and charts.

    Its state, knobs, interventions, and the last and best value of every metric.
    """
    from asgml.app.commands.show import show

    return show(run, runs, json_, charts, against_baseline)


@inspection_app.command()
def ensemble(
    run: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN…",
            help="Two runs or more: paths, names or unique prefixes.",
            autocompletion=completer("runs"),
            show_default=False,
        ),
    ],
    split: Annotated[Split, typer.Option("--split", help="Split that is predicted.")] = Split.TEST,
    device: Annotated[
        str, typer.Option("--device", metavar="auto|cpu|cuda", help="Where to predict.")
    ] = "auto",
    runs: RunsDirectory = None,
    json_: AsJson = False,
) -> int:
    """Average the predictions of several runs, such as one of each modality alone.

    Each run predicts with its best model by validation; the mean of the probabilities decides.
    Prints the accuracy of each run and of the ensemble.
    """
    from asgml.app.commands.ensemble import ensemble

    return ensemble(run, runs, split.value, device, json_)


@inspection_app.command()
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

    With --follow until the run ends; the exit code is then 1 if it failed or crashed, 5 if it
    diverged.
    """
    from asgml.app.commands.tail import tail

    return tail(run, runs, json_, follow, lines, every)


@inspection_app.command()
def check(run: LatestRun = "latest", runs: RunsDirectory = None, json_: AsJson = False) -> int:
    """Check that a run is whole, for instance after copying it.

    One line for each finding, with its remedy: a run.toml or metadata that cannot be read, chunks
    that are missing or fail their checksum, rows that are empty, events that cannot be read, a
    checkpoint that is missing or fails its checksum. Not found: a changed bit in the 256 bytes of
    the head, in texts of the manifest, and in chunks of runs recorded before there were checksums.
    A run that trains is checked as far as it is published.

    Exit code 0: the run is whole; 1: there are findings; 3: no such run; 70: the check itself
    failed, nothing is known of the run.
    """
    from asgml.app.commands.check import check

    return check(run, runs, json_)


@inspection_app.command()
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
