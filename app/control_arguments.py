"""Arguments and options of `asgml ctl`: the request to a trainer, and how long to wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from asgml.app.arguments import completer


class Action(StrEnum):
    """The requests that `ctl` can send to a trainer."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CHECKPOINT = "checkpoint"
    EVALUATE = "evaluate"
    SET = "set"
    UNDO = "undo"
    NOTE = "note"


@dataclass(frozen=True)
class ControlArguments:
    """A request to the trainer as given on the command line of `ctl`."""

    action: Annotated[
        Action, typer.Argument(help="The request to the trainer.", show_default=False)
    ]
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KNOB=VALUE|TEXT",
            help="For set and note.",
            autocompletion=completer("knobs"),
            show_default=False,
        ),
    ] = None
    wait: Annotated[
        bool | None,
        typer.Option(
            "--wait/--no-wait",
            help="Wait for the answer [default: wait, except with --at-step]",
            show_default=False,
        ),
    ] = None
    at_step: Annotated[
        int | None,
        typer.Option(
            "--at-step", metavar="N", help="Take effect at this step.", min=0, show_default=False
        ),
    ] = None
    if_value: Annotated[
        str | None,
        typer.Option(
            "--if-value",
            metavar="V",
            help="Set only if the knob has this value now.",
            show_default=False,
        ),
    ] = None
    for_: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="SPAN",
            help="With set: for so long, such as 500 steps or 2 epochs; then back.",
            show_default=False,
        ),
    ] = None
    reason: Annotated[
        str | None,
        typer.Option(
            "--reason", metavar="TEXT", help="Why: kept with the answer.", show_default=False
        ),
    ] = None
    checkpoint: Annotated[
        bool,
        typer.Option(
            "--checkpoint",
            help="With undo: weights too, from the last checkpoint before that change.",
        ),
    ] = False
    take_over: Annotated[
        bool,
        typer.Option("--take-over", help="Also where somebody else steers from a dashboard."),
    ] = False
    now: Annotated[
        bool, typer.Option("--now", help="With stop: at once, without a checkpoint.")
    ] = False
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="S",
            help="Seconds to wait for the answer [default: 30, no end with --at-step]",
            min=0,
            show_default=False,
        ),
    ] = None
