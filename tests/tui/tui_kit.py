"""The kit of the dashboard's tests: open it without a terminal, wait for it, read its screen."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot

from asgml.tui.app import Dashboard
from asgml.tui.comparison_app import ComparisonApp


def screen_text(app: App[Any]) -> list[str]:
    """Return the rows of the screen as the user sees them."""
    return [
        "".join(segment.text for segment in strip)
        for strip in app.screen._compositor.render_strips()
    ]


async def until(
    pilot: Pilot[Any], holds: Callable[[], bool], what: str = "", seconds: float = 20.0
) -> None:
    """Wait until `holds` does. A busy machine only makes it slower."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"never happened: {what}\n" + "\n".join(screen_text(pilot.app)))
        await pilot.pause(0.02)


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until the screen has drawn all that came."""
    app = pilot.app
    assert isinstance(app, Dashboard)
    seen = None
    for _ in range(200):
        await pilot.pause(0.02)
        now = (app.session.scene, app.main.scene, screen_text(app))
        if (
            seen is not None
            and now[2] == seen[2]
            and now[0] is now[1]
            and now[1] is seen[1]
            and app.main.settled
        ):
            return
        seen = now


async def shows(pilot: Pilot[Any], words: str, seconds: float = 20.0) -> None:
    """Wait until the screen shows these words."""
    await until(
        pilot,
        lambda: any(words in row for row in screen_text(pilot.app)),
        f"the screen shows {words!r}",
        seconds,
    )


async def notified(pilot: Pilot[Any], words: str) -> None:
    """Wait until a notification holds these words."""
    await until(
        pilot,
        lambda: any(words in note.message for note in pilot.app._notifications),
        f"it says {words!r}",
    )


@asynccontextmanager
async def dashboard(
    target: Path | str, runs: Path, size: tuple[int, int] = (160, 45), **options: Any
) -> AsyncIterator[tuple[Dashboard, Pilot[None]]]:
    """An open dashboard that has drawn its run."""
    app = Dashboard(target, runs, interval=0.03, **options)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.session.scene.state != "opening", "the run is opened")
        await settle(pilot)
        yield app, pilot


async def settle_comparison(pilot: Pilot[Any]) -> None:
    """Wait until all runs of a comparison are read and the screen has drawn them."""
    app = pilot.app
    assert isinstance(app, ComparisonApp)
    seen: object = None
    for _ in range(300):
        await pilot.pause(0.02)
        now = (app.main.session.latest, app.main.comparison, screen_text(app))
        drawn = not now[0].unread and now[0] is now[1] and not app.main.frame_due
        if drawn and now == seen:
            return
        seen = now


@asynccontextmanager
async def comparison(
    paths: Sequence[Path], folder: Path, size: tuple[int, int] = (160, 45), **options: Any
) -> AsyncIterator[tuple[ComparisonApp, Pilot[None]]]:
    """An open comparison that has drawn its runs."""
    app = ComparisonApp(paths, folder, interval=0.03, **options)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: not app.main.session.latest.unread, "all runs are read", 60)
        await settle_comparison(pilot)
        yield app, pilot
