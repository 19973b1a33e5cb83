"""Arguments and options that several commands share, with help and tab completion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


def completer(name: str) -> Callable[[typer.Context, str], list[str]]:
    """Return a tab completion that imports `asgml.app.completion` when the shell asks."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        from asgml.app import completion

        return completion.complete(name, ctx.params, incomplete)

    return complete


RUN_HELP = "A path, a name, a unique prefix, or `latest`."
RunRef = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help=RUN_HELP, autocompletion=completer("runs"), show_default=False
    ),
]
LatestRun = Annotated[
    str, typer.Argument(metavar="RUN", help=RUN_HELP, autocompletion=completer("runs"))
]
RunsDirectory = Annotated[
    Path | None,
    typer.Option(
        "--runs",
        metavar="DIR",
        help="Directory that holds the runs [default: ./runs]",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Ascii = Annotated[bool, typer.Option("--ascii", help="Draw with plain ASCII characters.")]
Wait = Annotated[
    bool,
    typer.Option("--wait", help="No dashboard: show a progress line and return when the run ends."),
]
Detach = Annotated[bool, typer.Option("--detach", help="Return as soon as the trainer is up.")]

Recipe = Annotated[
    str | None,
    typer.Argument(
        metavar="RECIPE",
        help="A name of `asgml recipes`, or a .toml file.",
        autocompletion=completer("recipes"),
        show_default=False,
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="NAME:PATH",
        help="A path, a name of `asgml data list` with its path, or `synthetic`.",
        show_default=False,
    ),
]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Leave out the clips whose files are missing.")
]
Method = Annotated[
    str | None,
    typer.Option(
        "--method",
        metavar="A+B",
        help="Names of `asgml methods`, joined by +.",
        autocompletion=completer("methods"),
        show_default=False,
    ),
]
Only = Annotated[
    str | None,
    typer.Option(
        "--only",
        metavar="MODALITY",
        help="Train this modality alone (a,b: these), with method baseline unless --method says "
        "otherwise.",
        show_default=False,
    ),
]
Epochs = Annotated[
    int | None, typer.Option("--epochs", metavar="N", help="Epochs to train.", show_default=False)
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set any value of the configuration; may be repeated. "
        "`asgml config show` lists the keys.",
        autocompletion=completer("settings"),
        show_default=False,
    ),
]
Modulator = Annotated[
    str | None,
    typer.Option(
        "--modulator", metavar="FILE:CLASS", help="A modulator of your own.", show_default=False
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", help="Seed of all randomness.", show_default=False),
]
Device = Annotated[
    str | None,
    typer.Option("--device", metavar="auto|cpu|cuda", help="Where to train.", show_default=False),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of the run [default: DATA-METHOD-NN]",
        show_default=False,
    ),
]
ScheduleFrom = Annotated[
    str | None,
    typer.Option(
        "--schedule-from",
        metavar="RUN|FILE.toml",
        help="Make the interventions of another run, or of a file of `asgml schedule`, at the same "
        "steps.",
        autocompletion=completer("runs"),
        show_default=False,
    ),
]


@dataclass(frozen=True)
class TrainArguments:
    """The configuration of a training as given on the command line; None where not given."""

    recipe: Recipe = None
    data: Data = None
    method: Method = None
    epochs: Epochs = None
    sets: Set = None
    modulator: Modulator = None
    seed: Seed = None
    device: Device = None
    only: Only = None
    allow_missing: AllowMissing = False


@dataclass(frozen=True)
class LaunchMode:
    """The use of the terminal while the trainer runs; the dashboard where neither flag is given."""

    detach: Detach = False
    wait: Wait = False
    ascii: Ascii = False


@dataclass(frozen=True)
class ForkArguments:
    """A fork as given on the command line: where it begins, what it changes, its name."""

    at: Annotated[
        int,
        typer.Option(
            "--at", metavar="STEP", help="Go on after this step.", min=0, show_default=False
        ),
    ]
    sets: Set = None
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            metavar="N",
            help="Train until it has N epochs in all [default: as the other run]",
            min=1,
            show_default=False,
        ),
    ] = None
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Name of the run [default: RUN-fork-NN]",
            show_default=False,
        ),
    ] = None
    schedule_from: ScheduleFrom = None
