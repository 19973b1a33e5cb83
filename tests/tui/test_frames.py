"""A frame that was asked for is drawn, also where the screen that it was left to has gone."""

from __future__ import annotations

import pytest
from tui_kit import dashboard, until

from asgml.storage.format.layout import RunPaths
from asgml.tui.screens import framed
from asgml.tui.screens.lists import ListScreen


async def test_a_lost_frame_is_drawn_when_the_screen_is_on_top_again(made_run: RunPaths) -> None:
    async with dashboard(made_run.root, made_run.root.parent) as (app, pilot):
        await app.push_screen(ListScreen("events", [], "esc back", "nothing"))
        app.main.frame_due, app.main._asked = True, float("inf")  # due, and never to be drawn
        app.pop_screen()
        await until(pilot, lambda: not app.main.frame_due, "the frame is drawn", seconds=5)


async def test_a_lost_frame_is_asked_for_anew(
    made_run: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framed, "_LOST", 0.0)
    async with dashboard(made_run.root, made_run.root.parent) as (app, pilot):
        app.main.frame_due, app.main._asked = True, 0.0
        app.main.draw()
        await until(pilot, lambda: not app.main.frame_due, "the frame is drawn", seconds=5)
