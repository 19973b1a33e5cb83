"""Draw the dashboard of a run as an SVG picture, without a terminal.

The picture of the README was made like this:

    asgml train demo --method baseline --name baseline --wait
    asgml train demo --name demo --detach
    asgml ctl demo set alpha=1 --at-step 250
    asgml ctl demo pause --at-step 400
    asgml ctl demo resume                                  # some seconds after it has paused
    uv run python examples/picture.py runs/demo docs/dashboard.svg --at-step 430

Without --at-step the run is shown as it is now. Names of the machine and its user are replaced by
`gpu7` and `you`.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import socket
from dataclasses import replace
from pathlib import Path

from asgml import open_run
from asgml.storage.format.layout import RunNotFoundError
from asgml.tui.app import Dashboard
from asgml.tui.scene.log_lines import LogLine
from asgml.tui.scene.scene import Scene
from asgml.tui.screens.actions.files import screen_svg


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("run", type=Path, help="directory of the run")
    parser.add_argument("out", type=Path, help="the SVG file to write")
    parser.add_argument("--at-step", type=int, default=None, help="replay the run to this step")
    parser.add_argument(
        "--size", type=size, default="160x45", help="columns x rows of the terminal (160x45)"
    )
    given = parser.parse_args()
    _check_has_rows(given.run)
    # the colours must not depend on the terminal it is drawn from
    os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    given.out.write_text(
        asyncio.run(picture_of(given.run.resolve(), given.at_step, given.size)), encoding="utf-8"
    )
    print(f"wrote {given.out}")


def size(text: str) -> tuple[int, int]:
    """Return (columns, rows) of `160x45`."""
    columns, _, rows = text.partition("x")
    return int(columns), int(rows)


def _check_has_rows(run: Path) -> None:
    """Exit with one line where there is no run, or nothing of it to draw yet."""
    try:
        recorded = open_run(run).manifest is not None
    except (RunNotFoundError, ValueError) as error:
        raise SystemExit(f"{error}; give the directory of a run") from None
    if not recorded:
        raise SystemExit(f"{run} has recorded nothing yet; try again once it trains")


async def picture_of(run: Path, at_step: int | None, size: tuple[int, int]) -> str:
    """Return the dashboard of the run as SVG, once it has drawn everything."""
    app = Dashboard(run, run.parent, clock="live" if at_step is None else "replay", at_step=at_step)
    show = app.main.show_scene
    app.main.show_scene = lambda scene: show(nameless(scene))  # type: ignore[method-assign]
    async with app.run_test(size=size) as pilot:
        drawn = 0
        while drawn < 10:  # a second in which nothing was left to draw
            await pilot.pause(0.1)
            drawn = drawn + 1 if app.main.scene.manifest is not None and app.main.settled else 0
        return screen_svg(app.main)


def nameless(scene: Scene) -> Scene:
    """Return the scene without the names of this machine and its user."""
    history = replace(scene.history, lines=tuple(map(_nameless_line, scene.history.lines)))
    return replace(scene, trainer=replace(scene.trainer, host="gpu7"), history=history)


def _nameless_line(line: LogLine) -> LogLine:
    text = line.text.replace(f"{getpass.getuser()}@", "you@").replace(socket.gethostname(), "gpu7")
    return replace(line, text=text)


if __name__ == "__main__":
    main()
