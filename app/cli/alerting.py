"""The commands for a user who is away: wait for a run, and its alerts."""

from __future__ import annotations

from typing import Annotated

import typer

from asgml.app.arguments import AsJson, LatestRun, RunRef, RunsDirectory

alerting_app = typer.Typer()


@alerting_app.command()
def wait(
    run: RunRef,
    for_: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            metavar="WHAT",
            help="ended, running, finished, failed, another state; step=N; 'val_accuracy>0.8'; "
            "alert or alert=RULE. May be repeated: the first one counts. [default: ended]",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        str | None,
        typer.Option(
            "--timeout",
            metavar="SPAN",
            help="Wait no longer than 90 (seconds), 30m, 2h or 1h30m [default: no limit]",
            show_default=False,
        ),
    ] = None,
    appear: Annotated[
        bool, typer.Option("--appear", help="Wait for the run itself, too, if it is not there yet.")
    ] = False,
    runs: RunsDirectory = None,
    json_: AsJson = False,
) -> int:
    """Wait, in a script, until a run has ended or anything else is so.

    Exit code 0: it is so, and stdout says what. 1: the run ended without it. 3: there is no such
    run, or its trainer gives no sign of life. 124: the time is over.
    """
    from asgml.app.commands.wait import wait

    return wait(run, runs, for_ or (), timeout, appear, json_)


@alerting_app.command()
def alerts(
    run: LatestRun = "latest",
    ack: Annotated[
        list[str] | None,
        typer.Option(
            "--ack",
            metavar="ID|all",
            help="Acknowledge this alert first; may be repeated.",
            show_default=False,
        ),
    ] = None,
    test: Annotated[
        bool,
        typer.Option("--test", help="Send a test to the hook and the webhooks of the settings."),
    ] = False,
    deliver: Annotated[
        bool,
        typer.Option(
            "--deliver",
            help="Deliver the alerts of a run of your own training loop, until it ends.",
        ),
    ] = False,
    runs: RunsDirectory = None,
    json_: AsJson = False,
) -> int:
    """List the alerts of a run, acknowledge them, or try the ways by which they reach you.

    Rules and ways stand in the settings file: docs/alerts.md describes them.
    """
    from asgml.app.commands import alerts as command

    if test:
        return command.test(json_)
    if deliver:
        return command.deliver(run, runs)
    return command.alerts(run, runs, ack or (), json_)
