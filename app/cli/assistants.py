"""The commands that show runs elsewhere than in a terminal: in a browser, to an assistant."""

from __future__ import annotations

from typing import Annotated

import typer

from asgml.app.arguments import Ascii, LatestRun, RunsDirectory

assistants_app = typer.Typer()


@assistants_app.command()
def serve(
    run: LatestRun = "latest",
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Where to listen; beyond this computer with care.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", help="Port; 0: any.", min=0, max=65535)
    ] = 8765,
    steer: Annotated[
        bool, typer.Option("--steer", help="Allow changes; without it a browser only looks.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TEXT",
            help="Secret that the address needs [default: a new one]",
            envvar="ASGML_SERVE_TOKEN",
            show_default=False,
        ),
    ] = None,
    sessions: Annotated[
        int,
        typer.Option("--sessions", metavar="N", help="Browsers at the same time.", min=1, max=64),
    ] = 4,
    runs: RunsDirectory = None,
    ascii_: Ascii = False,
) -> int:
    """Show the dashboard in a browser, on a run or a folder of runs.

    stdout is the address to open, with its token. Only this computer reaches it: from another
    one go through `ssh -L 8765:127.0.0.1:8765`. Each browser has a dashboard of its own, which
    ends when it leaves.
    """
    from asgml.app.commands.serve import ServeOptions, serve

    return serve(run, runs, ServeOptions(host, port, steer, token, sessions, ascii_))


@assistants_app.command()
def mcp(
    steer: Annotated[
        bool, typer.Option("--steer", help="Allow changes; without it an assistant only looks.")
    ] = False,
    runs: RunsDirectory = None,
) -> int:
    """Let an assistant look at runs, over the Model Context Protocol.

    A client starts it and talks on stdin and stdout; docs/serve.md has its configuration. With
    --steer an assistant may pause, stop and change a training, checked as `asgml ctl` checks.
    """
    from asgml.app.commands.mcp import mcp

    return mcp(runs, steer=steer)
