"""The commands that open the dashboard on a run: watch, and replay of a stored one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from asgml.app.arguments import Ascii, LatestRun, RunRef, RunsDirectory

watching_app = typer.Typer()


@watching_app.command()
def watch(
    run: LatestRun = "latest",
    more: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN…",
            help="More runs: all of them side by side, as `compare --watch`.",
            show_default=False,
        ),
    ] = None,
    readonly: Annotated[
        bool, typer.Option("--readonly", help="Look only: no key can change the run.")
    ] = False,
    inline: Annotated[
        bool,
        typer.Option("--inline", help="A few lines under the prompt instead of the whole screen."),
    ] = False,
    fresh_view: Annotated[
        bool,
        typer.Option("--fresh-view", help="Not the view in which you left it."),
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Print the screen once, without a terminal.")
    ] = False,
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            metavar="120x40",
            help="With --once: columns and rows [default: the terminal's, else 120x40]",
            show_default=False,
        ),
    ] = None,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="With --once: no colours on a terminal.")
    ] = False,
    svg: Annotated[
        Path | None,
        typer.Option(
            "--svg", metavar="FILE", help="With --once: write a picture.", show_default=False
        ),
    ] = None,
    runs: RunsDirectory = None,
    ascii_: Ascii = False,
) -> int:
    """Open the dashboard on a run, or on a folder of runs.

    Live while the run trains, as it ended afterwards. q leaves it and never stops the training.
    A folder of runs opens as a list: filter, group, sort, compare, label. A plan (its folder,
    or its name) opens as its cells, rows by seeds. Several runs open side by side.

    With --once the screen is printed for scripts, `watch -n` and cron; colours only on a
    terminal. Exit code 0: the run trains, or ended well; 1: failed or crashed; 3: stale, or no
    such run; 5: diverged.
    """
    from asgml.app.commands.watch import watch, watch_once, watch_several
    from asgml.app.commands.watch_once import OnceOptions, check_once

    check_once(once, inline, {"--size": size, "--svg": svg, "--no-color": no_color})
    if once:
        options = OnceOptions(size, ascii_, not no_color, svg)
        return watch_once((run, *(more or ())), runs, options)
    if more:
        return watch_several((run, *more), runs, inline=inline, ascii_=ascii_)
    return watch(run, runs, readonly=readonly, inline=inline, fresh=fresh_view, ascii_=ascii_)


@watching_app.command()
def replay(
    run: RunRef,
    speed: Annotated[
        float, typer.Option("--speed", metavar="X", help="Times real speed.", min=0.01, max=10_000)
    ] = 1.0,
    at: Annotated[
        int | None,
        typer.Option("--at", metavar="STEP", help="Begin at this step.", min=0, show_default=False),
    ] = None,
    runs: RunsDirectory = None,
    ascii_: Ascii = False,
) -> int:
    """Play a stored run back in the dashboard."""
    from asgml.app.commands.watch import replay

    return replay(run, runs, speed=speed, at=at, ascii_=ascii_)
