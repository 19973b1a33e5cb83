"""`asgml watch --once`: the dashboard's screen, drawn once as text or as a picture."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asgml.app.commands.screen_options import screen_options
from asgml.app.errors import FAILED, NOT_FOUND, OK, UserError
from asgml.app.output import colours_wanted
from asgml.storage.format.layout import RunPaths

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.strip import Strip

    from asgml.tui.app import Dashboard

SIZE = "120x40"
SMALLEST, WIDEST, TALLEST = 5, 1000, 500
"""Columns and rows that a screen may have."""
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 30.0
"""Longest wait for a screen that is drawn to its end; what is there then is what is printed."""
CODES = {"diverged": 5, "failed": FAILED, "crashed": FAILED, "stale": NOT_FOUND}
"""State → exit code, that of every command; any other state is fine."""


@dataclass(frozen=True)
class OnceOptions:
    """The way a screen is drawn once: its size in cells, its characters, colours and file."""

    size: str | None = None
    ascii: bool = False
    colours: bool = True
    svg: Path | None = None


def check_once(once: bool, inline: bool, options: Mapping[str, object]) -> None:
    """Raise UserError for options of `--once` without it, and for `--inline` beside it."""
    given = [name for name, value in options.items() if value]
    if given and not once:
        raise UserError(f"{given[0]} belongs to --once; give both, or leave it out")
    if once and inline:
        raise UserError("--once and --inline: expected one of them")


def draw_once(run: RunPaths | None, folder: Path, plan: Path | None, given: OnceOptions) -> int:
    """Draw a run, or a folder of runs or a plan, and print it. Return the code of its state."""
    width, height = parse_size(given.size)
    from asgml.tui.app import Dashboard

    options = {**screen_options(given.ascii), "interval": POLL_SECONDS}
    app = Dashboard(
        run.root if run is not None else None,
        folder,
        plan=plan,
        readonly=True,
        **options,
    )
    rows = asyncio.run(drawn(app, (width, height)))
    if given.svg is not None:
        _write_picture(given.svg, app, rows)
    else:
        _print(rows, given.colours and colours_wanted())
    return CODES.get(app.session.scene.state, OK) if run is not None else OK


def parse_size(text: str | None) -> tuple[int, int]:
    """Return columns and rows of `120x40`; without a text those of the terminal, else 120x40.

    Raise UserError for any other text, and for a size that no screen has.
    """
    if text is None:
        if not sys.stdout.isatty():
            return parse_size(SIZE)
        return shutil.get_terminal_size()
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text.strip().lower(), re.ASCII)
    width, height = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
    if not (SMALLEST <= width <= WIDEST and 1 <= height <= TALLEST):
        raise UserError(
            f"--size {text}: expected COLUMNSxROWS, from {SMALLEST}x1 to {WIDEST}x{TALLEST}, "
            f"such as {SIZE}"
        )
    return width, height


async def drawn(app: Dashboard, size: tuple[int, int]) -> list[Strip]:
    """Run the dashboard without a terminal until everything is drawn; return its rows."""
    rows: list[Strip] = []

    async def look(pilot: Pilot[object]) -> None:
        await _wait(app, pilot)
        rows.extend(app.screen._compositor.render_strips())
        app.exit()

    await app.run_async(headless=True, size=size, auto_pilot=look)
    return rows


async def _wait(app: Dashboard, pilot: Pilot[object]) -> None:
    """Return once the screen is whole, and the same in two looks or still after a few."""
    began = time.monotonic()
    before: list[str] = []
    looks = 0
    while time.monotonic() - began < PATIENCE_SECONDS and looks < 5:
        await pilot.pause(POLL_SECONDS)
        if not _whole(app):
            continue
        looks += 1
        now = [strip.text for strip in app.screen._compositor.render_strips()]
        if now == before:
            return
        before = now


def _whole(app: Dashboard) -> bool:
    """Return True where nothing that the screen shows is still being read or drawn."""
    if app.screen is app.main:
        scene, main = app.session.scene, app.main
        if scene.state == "opening" or main.scene is not scene or not main.settled:
            return False
        if main.awaits_runs:
            main.list_runs()  # nothing is read twice; the panel may have had no place before
        return not main.awaits_runs
    if app.screen is app.plan:
        return app.plan.progress.plan is not None
    return app.run_list.listing.loaded


def _print(rows: list[Strip], colours: bool) -> None:
    if not colours:
        print("\n".join(strip.text.rstrip() for strip in rows), flush=True)
        return
    from rich.console import Console

    console = Console(force_terminal=True)
    print("\n".join(strip.render(console) for strip in rows), flush=True)


def _write_picture(path: Path, app: Dashboard, rows: list[Strip]) -> None:
    """Write the screen as SVG. Raise UserError where it cannot be written."""
    from asgml.tui.terminal.screenshot import svg_screenshot

    dark = app.current_theme.dark
    ground, text = ("#0d1117", "#d5dae0") if dark else ("#ffffff", "#1f2328")
    name = app.session.scene.name or str(app.table.folder)
    try:
        path.write_text(svg_screenshot(rows, f"asgml, {name}", ground, text), encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"--svg {path}: cannot be written: {error.strerror}; give a file that you may write to"
        ) from None
    print(path, flush=True)
