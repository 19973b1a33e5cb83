"""The commands that start, resume and steer a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from asgml.app.arguments import (
    AsJson,
    ForkArguments,
    LaunchMode,
    Name,
    RunRef,
    RunsDirectory,
    ScheduleFrom,
    TrainArguments,
)
from asgml.app.cli.expanded import expanded
from asgml.app.control_arguments import ControlArguments

training_app = typer.Typer()


@training_app.command()
@expanded()
def train(
    given: TrainArguments,
    mode: LaunchMode,
    name: Name = None,
    schedule_from: ScheduleFrom = None,
    runs: RunsDirectory = None,
) -> int:
    """Start a training run in the background.

    In a terminal the dashboard opens on it, and leaving that never stops the training.
    stdout is the run's path.
    """
    from asgml.app.commands.train import train

    return train(given, name, runs, mode, schedule_from)


@training_app.command()
@expanded(without=("recipe", "data", "allow_missing"))
def demo(
    given: TrainArguments, mode: LaunchMode, name: Name = None, runs: RunsDirectory = None
) -> int:
    """Train on the built-in data with the dashboard on top."""
    from asgml.app.commands.train import train

    return train(replace(given, recipe="demo"), name, runs, mode)


@training_app.command()
@expanded()
def resume(
    run: RunRef,
    mode: LaunchMode,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            metavar="N",
            help="Train until it has N epochs in all, a finished run too.",
            min=1,
            show_default=False,
        ),
    ] = None,
    runs: RunsDirectory = None,
) -> int:
    """Go on with a run from its last checkpoint.

    For runs that were stopped, failed or crashed; with --epochs for finished ones too, which then
    are the runs that had so many epochs from the start.
    """
    from asgml.app.commands.resume import resume

    return resume(run, runs, mode, epochs)


@training_app.command()
@expanded()
def fork(run: RunRef, given: ForkArguments, mode: LaunchMode, runs: RunsDirectory = None) -> int:
    """Go on from another run's training at a step, with other settings.

    A new run: RUN is only read, and may still train. It has the rows after STEP; those before are
    RUN's. With nothing set it repeats RUN bit for bit on a CPU. RUN's own interventions count up to
    STEP; --schedule-from RUN makes the later ones again. stdout is the path of the new run.
    """
    from asgml.app.commands.fork import fork

    return fork(run, given, runs, mode)


@training_app.command()
def schedule(
    run: RunRef,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write it to a new file instead.", show_default=False
        ),
    ] = None,
    runs: RunsDirectory = None,
) -> int:
    """Print the interventions of a run, as a TOML file that can be edited.

    Every knob that was set, with its step. `asgml train … --schedule-from FILE` makes the same
    changes at the same steps of another training.
    """
    from asgml.app.commands.schedule import schedule

    return schedule(run, runs, out)


@training_app.command()
@expanded()
def ctl(
    run: RunRef, given: ControlArguments, runs: RunsDirectory = None, json_: AsJson = False
) -> int:
    """Pause, stop or change a running training.

    asgml ctl RUN pause|resume|stop|checkpoint|evaluate, asgml ctl RUN set KNOB=VALUE,
    asgml ctl RUN undo, asgml ctl RUN note TEXT. undo takes back the last change of a knob, and
    again the one before it; a pause is taken back by resume. Exit code 3: nobody answers; 4: the
    trainer refused.
    """
    from asgml.app.commands.ctl import ctl

    return ctl(run, runs, given, json_)
