"""A plan on the screen: its cells as they are trained, opened and left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from many_runs_kit import make_plan, small_run
from rich.cells import cell_len
from textual.pilot import Pilot
from tui_kit import notified, screen_text, shows, until

from asgml.storage.format.status import State
from asgml.storage.runs.plan_record import FILE
from asgml.tui.app import Dashboard
from asgml.tui.screens.help import HelpScreen

ALPHAS, SEEDS = (0.1, 0.9), (0, 1, 2)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr("asgml.tui.screens.many_runs.plan.EVERY", 0.05)


def add_cell(plan: Path, row: int, seed: int, val: float, **facts: Any) -> None:
    settings = {"boost.alpha": facts.pop("alpha", ALPHAS[row])}
    small_run(plan, f"a{row}-s{seed}", val=val, seed=seed, settings=settings, **facts)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Two rows and three seeds: two cells are done, one failed, one is stale, two wait."""
    folder = tmp_path / "alpha"
    make_plan(folder, ALPHAS, SEEDS)
    add_cell(folder, 0, 0, 0.61)
    add_cell(folder, 0, 1, 0.71)
    add_cell(folder, 0, 2, 0.1, state=State.FAILED)
    add_cell(folder, 1, 0, 0.41, alpha=0.5)
    return folder


@asynccontextmanager
async def plan_screen(
    folder: Path, size: tuple[int, int] = (120, 40), **options: Any
) -> AsyncIterator[tuple[Dashboard, Pilot[None]]]:
    app = Dashboard(None, folder.parent, plan=folder, interval=0.03, **options)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.plan.progress.plan is not None, "the plan is read")
        await shows(pilot, "done")
        yield app, pilot


async def test_cells_are_shown_and_new_ones_come_by_themselves(plan: Path) -> None:
    async with plan_screen(plan) as (app, pilot):
        await shows(pilot, "2/6 done")
        text = "\n".join(screen_text(app))
        for told in ("1 failed", "1 stale", "2 waiting", ".650 ±.071", "alpha 0.1", "seed 2"):
            assert told in text
        add_cell(plan, 1, 1, 0.81)
        await shows(pilot, "3/6 done")
        await shows(pilot, ".800")


async def test_enter_opens_the_run_of_a_cell_and_escape_comes_back(plan: Path) -> None:
    async with plan_screen(plan) as (app, pilot):
        await pilot.press("right", "enter")
        await until(pilot, lambda: app.screen is app.main, "the run is opened")
        await until(pilot, lambda: app.main.scene.name == "a0-s1", "it is that run")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.plan, "escape comes back")
        assert (app.plan.place, app.plan.column) == (0, 1)
        await pilot.press("down", "right", "enter")
        await notified(pilot, "this cell waits")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_list, "then to the list")
        rows = app.run_list.listing.rows
        await until(pilot, lambda: bool(app.run_list.listing.rows), "its runs are listed")
        assert all(row.records[0].name.startswith("alpha/") for row in rows)
        await pilot.press("p")
        await until(pilot, lambda: app.screen is app.plan, "p is the plan of a run")
        await shows(pilot, "2/6 done")
        await pilot.press("g")
        await until(pilot, lambda: app.screen is app.run_list, "g is the list")


async def test_the_list_stands_on_a_run_of_the_plan_that_one_comes_from(plan: Path) -> None:
    other = plan.parent / "zeta"
    make_plan(other, ALPHAS, SEEDS)
    add_cell(other, 0, 0, 0.9, alpha=0.7)
    for key in ("g", "escape"):
        async with plan_screen(plan) as (app, pilot):
            await pilot.press(key)
            await until(pilot, lambda: app.screen is app.run_list, "the list")
            await until(pilot, lambda: len(app.run_list.listing.rows) > 1, "its runs")
            assert app.run_list.listing.rows[0].records[0].path.parent == other
            await pilot.press("p")
            await until(pilot, lambda: app.screen is app.plan, "the plan")
            assert app.plan.progress.folder == plan


async def test_no_time_is_promised_where_nothing_trains(plan: Path) -> None:
    async with plan_screen(plan) as (app, pilot):
        await shows(pilot, "nothing is training; `asgml ablate …` continues")
        assert app.plan.progress.remaining is None
        add_cell(plan, 1, 1, 0.81, state=State.RUNNING)
        await until(pilot, lambda: not app.plan.progress.at_rest, "a cell is training")


async def test_moving_stays_among_the_cells(plan: Path) -> None:
    async with plan_screen(plan) as (app, pilot):
        await pilot.press(*["right"] * 9, *["down"] * 9)
        assert (app.plan.place, app.plan.column) == (1, 2)
        await pilot.press("home", *["left"] * 9, "end", "pageup", "up", "pagedown", "k", "j")
        assert (app.plan.place, app.plan.column) == (1, 0)
        await shows(pilot, "stale: its run has other settings than the plan asks for")
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "the help opens")
        await shows(pilot, "open the cell's run")


async def test_more_seeds_than_fit_are_scrolled(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    make_plan(folder, ALPHAS, tuple(range(30)))
    async with plan_screen(folder, (80, 24)) as (app, pilot):
        await shows(pilot, "30 seeds")
        assert " 29 " not in screen_text(app)[1]
        await pilot.press(*["right"] * 29)
        await until(pilot, lambda: " 29 " in screen_text(app)[1], "the last seed is in sight")


@pytest.mark.parametrize("text", ["{", "[]", '{"name": 3}'])
async def test_a_damaged_plan_is_told(text: str, plan: Path) -> None:
    async with plan_screen(plan) as (app, pilot):
        (plan / FILE).write_text(text)
        await until(pilot, lambda: bool(app.plan.progress.problem), "the fault is told")
        await shows(pilot, "plan.json")
        await pilot.press("enter", "down", "right")


HOSTILE = "[bold]x[/] \x1b[31m\x07 ‮evil"


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (80, 24), (60, 18), (45, 10), (41, 7)])
@pytest.mark.parametrize("ascii", [False, True])
async def test_all_fits_and_foreign_text_is_harmless(
    size: tuple[int, int], ascii: bool, plan: Path
) -> None:
    record = (plan / FILE).read_text(encoding="utf-8")
    hostile = record.replace('"Alpha"', f'"{HOSTILE}"'.encode("unicode_escape").decode())
    hostile = hostile.replace("\\x1b", "\\u001b").replace("\\x07", "\\u0007")
    (plan / FILE).write_text(hostile.replace("alpha 0.1", "al[b]pha \\u001b[2J"))
    async with plan_screen(plan, size, ascii=ascii) as (app, pilot):
        await pilot.pause(0.1)
        rows = screen_text(app)
        assert all(cell_len(row) == size[0] for row in rows) and len(rows) == size[1]
        assert not any(
            ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 or letter == "‮"
            for letter in "".join(rows)
        )
        visible = "al[b]pha ?" if ascii else "al[b]pha ␛"
        assert size[0] < 60 or any(visible in row for row in rows)
        assert not ascii or all(row.isascii() for row in rows)


def test_a_picture(plan: Path, snap_compare: Any) -> None:
    app = Dashboard(None, plan.parent, plan=plan, interval=0.25)

    async def drawn(pilot: Any) -> None:
        await until(pilot, lambda: app.plan.progress.plan is not None, "the plan is read")
        await pilot.press("right")
        await shows(pilot, "a0-s1")

    assert snap_compare(app, terminal_size=(100, 14), run_before=drawn)
