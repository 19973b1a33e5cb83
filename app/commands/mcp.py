"""`asgml mcp`: runs for assistants, over the Model Context Protocol on stdin and stdout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from asgml.app.commands.mcp_runs import ManyRuns
from asgml.app.commands.mcp_steering import Steering
from asgml.app.errors import OK, NotFoundError, narrate
from asgml.app.mcp.folder import Folder
from asgml.app.mcp.reading import RunReading
from asgml.app.mcp.tools import server_of
from asgml.app.preferences import runs_directory


def mcp(runs: Path | None, *, steer: bool) -> int:
    """Answer a client until it closes stdin. stdout belongs to the protocol."""
    folder = runs_directory(runs)
    server = make_server(folder, steer=steer)
    if not folder.is_dir():
        raise NotFoundError(f"--runs {folder}: there is no such folder; give one that holds runs")
    may = "may steer" if steer else "read-only"
    narrate(f"asgml mcp: {folder.resolve()}, {may}; a client talks on stdin and stdout")
    os.chdir(folder)  # a relative path of a name is then one of the folder
    server.run("stdio")
    return OK


def make_server(folder: Path, *, steer: bool) -> Any:
    """Return the server of a folder. Raise RunFailedError without the SDK."""
    place = Folder(folder.resolve())
    tools = [*ManyRuns(place).tools(), *RunReading(place).tools()]
    return server_of([*tools, *(Steering(place).tools() if steer else [])], steering=steer)
