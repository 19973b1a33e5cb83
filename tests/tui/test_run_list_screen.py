"""The run list on the screen: opened, filtered, sorted, unfolded, labelled, left."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fake_trainer import FakeTrainer
from many_runs_kit import STARTED, record, small_run
from rich.cells import cell_len
from textual.pilot import Pilot
from tui_kit import dashboard, notified, screen_text, shows, until

from asgml.storage.format.layout import RunPaths
from asgml.storage.runs import index
from asgml.storage.runs.labels import read_labels, write_labels
from asgml.storage.runs.record import RunLabels
from asgml.tui.app import Dashboard
from asgml.tui.messages import RunsListed
from asgml.tui.scene.run_listing import build_listing
from asgml.tui.scene.run_sorting import ListOptions
from asgml.tui.screens.dialogs import Prompt
from asgml.tui.screens.help import HelpScreen
from asgml.tui.screens.lists import ListScreen
from asgml.tui.screens.many_runs.filter_line import FilterLine
from asgml.tui.widgets import run_rows

SIZES = [(160, 45), (120, 40), (100, 30), (80, 24), (60, 18)]


@pytest.fixture(autouse=True)
def _own_cache_and_clock(tmp_path_factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr("asgml.tui.screens.many_runs.run_list.EVERY", 0.05)
    monkeypatch.setattr("asgml.tui.screens.many_runs.run_list.now", lambda: STARTED + 7200)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs of a group, and one with another method."""
    for seed, val in enumerate((0.6, 0.7, 0.8)):
        small_run(tmp_path, f"boost-s{seed}", val=val, seed=seed)
    small_run(tmp_path, "base", val=0.5, settings={"method": "baseline"})
    return tmp_path


@asynccontextmanager
async def run_list(
    folder: Path, size: tuple[int, int] = (120, 40), lines: int = 1, **options: Any
) -> AsyncIterator[tuple[Dashboard, Pilot[None]]]:
    """The list of a folder, read."""
    app = Dashboard(None, folder, interval=0.03, **options)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.run_list.listing.loaded, "the runs are listed")
        await until(pilot, lambda: len(app.run_list.listing.rows) >= lines, "all of them")
        await shows(pilot, "newest first")
        yield app, pilot


def names(app: Dashboard) -> list[str]:
    return [row.name for row in app.run_list.listing.rows]


async def select(pilot: Pilot[None], app: Dashboard, name: str) -> None:
    await until(pilot, lambda: name in names(app), f"{name} is listed")
    app.run_list.move_to(names(app).index(name))


async def test_a_group_unfolds_and_a_run_opens_and_escape_comes_back(runs: Path) -> None:
    async with run_list(runs) as (app, pilot):
        assert set(names(app)) == {"boost", "base"}
        await shows(pilot, ".700 ±.100")
        await select(pilot, app, "boost")
        await pilot.press("enter")
        await until(pilot, lambda: len(names(app)) == 5, "the group is unfolded")
        await select(pilot, app, "boost-s1")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is app.main, "the run is opened")
        await until(pilot, lambda: app.main.scene.name == "boost-s1", "it is that run")
        assert "boost-s1" in app.farewell()
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_list, "escape comes back")
        assert app.run_list.row is not None and app.run_list.row.name == "boost-s1"
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main, "and goes to the run on screen")
        await pilot.press("g")
        await until(pilot, lambda: app.screen is app.run_list, "g is the list")


async def test_the_list_opens_from_a_run_and_another_run_is_followed(runs: Path) -> None:
    async with dashboard("base", runs) as (app, pilot):
        await pilot.press("g")
        await until(pilot, lambda: app.run_list.listing.loaded, "the runs are listed")
        await select(pilot, app, "boost")
        await pilot.press("enter")
        await select(pilot, app, "boost-s2")
        await pilot.press("enter")
        await until(pilot, lambda: app.main.scene.name == "boost-s2", "the other run is opened")
        assert app.screen is app.main


async def test_a_filter_follows_the_typing_and_its_faults_are_told(runs: Path) -> None:
    async with run_list(runs) as (app, pilot):
        await pilot.press("slash", *"method=base")
        await until(pilot, lambda: isinstance(app.screen, FilterLine), "the line opens")
        await until(pilot, lambda: names(app) == [], "the list follows")
        await pilot.press(*"line and")
        await shows(pilot, "a name is missing")
        await pilot.press("enter")
        assert isinstance(app.screen, FilterLine)
        await pilot.press(*["backspace"] * 4, "enter")
        await until(pilot, lambda: names(app) == ["base"], "one run passes")
        await shows(pilot, "where method=baseline")
        await shows(pilot, "4 (1 shown)")
        await pilot.press("slash", *" and val>0.9", "escape")
        await until(pilot, lambda: names(app) == ["base"], "escape forgets what was typed")
        await pilot.press("escape")
        await until(pilot, lambda: len(names(app)) == 2, "escape drops the filter")


async def test_the_first_reading_tells_how_far_it_is(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, read_content = threading.Event(), index.read_content

    def slow(paths: Any) -> Any:
        if paths.name == "boost-s0":
            goes_on.wait(20)
        return read_content(paths)

    monkeypatch.setattr(index, "read_content", slow)
    monkeypatch.setattr("asgml.tui.session.reading_count._EVERY", 0.0)
    app = Dashboard(None, runs, interval=0.03)
    async with app.run_test(size=(120, 40)) as pilot:
        try:
            await shows(pilot, "reading 3 of 4")
        finally:
            goes_on.set()
        await until(pilot, lambda: app.run_list.listing.loaded, "the runs are listed")


async def test_the_first_line_is_selected_after_sorting(runs: Path) -> None:
    small_run(runs, "newest", val=0.1, settings={"method": "ogm_ge"})
    async with run_list(runs, lines=3) as (app, pilot):
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, ListScreen), "it asks by what")
        await pilot.press(*["down"] * 4, "enter")
        await until(pilot, lambda: app.run_list.listing.options.sort == "val", "it is sorted")
        assert names(app) == ["boost", "base", "newest"] and app.run_list.place == 0


async def test_sorting_turns_round_and_the_best_is_found(runs: Path) -> None:
    async with run_list(runs) as (app, pilot):
        for expected in (["boost", "base"], ["base", "boost"]):
            await pilot.press("s")
            await until(pilot, lambda: isinstance(app.screen, ListScreen), "it asks by what")
            await pilot.press(*["down"] * 4, "enter")
            wanted = partial(_is_listed, app, expected)
            await until(pilot, wanted, f"sorted: {expected}")
        assert app.run_list.options == ListOptions(sort="val", descending=False)
        await pilot.press("g")
        await until(pilot, lambda: len(names(app)) == 4, "each run")
        await pilot.press("end", "b")
        assert app.run_list.row is not None and app.run_list.row.name == "base"


def _is_listed(app: Dashboard, expected: list[str]) -> bool:
    return names(app) == expected


async def test_tuning_trials_are_hidden_until_their_key_is_pressed(runs: Path) -> None:
    trial = "plan/tune-boost-0-s0"
    small_run(runs, trial, val=0.9, settings={"method": "ogm"})
    small_run(runs, "tune-me-0-s0", val=0.1, settings={"method": "greedy"})
    async with run_list(runs, lines=3) as (app, pilot):
        assert set(names(app)) == {"boost", "base", "tune-me-0-s0"}
        await shows(pilot, "1 tuning trial hidden (T)")
        await pilot.press("b")
        assert app.run_list.row is not None and app.run_list.row.name == "boost"
        await pilot.press("T")
        await until(pilot, lambda: trial in names(app), "the trial is listed")
        await shows(pilot, "trials too")
        assert "hidden" not in screen_text(app)
        await pilot.press("T")
        await until(pilot, lambda: trial not in names(app), "and hidden again")


async def test_labels_are_written_beside_the_runs(runs: Path) -> None:
    base = RunPaths(runs / "base")
    async with run_list(runs) as (app, pilot):
        await select(pilot, app, "base")
        for key, text, told in (
            ("t", "paper [b]x", "#paper"),
            ("n", "look at [red]this", "look at [red]this"),
            ("R", "The baseline", "The baseline"),
        ):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, Prompt), f"{key} asks")
            await pilot.press(*text, "enter")
            await shows(pilot, told)
        await until(pilot, lambda: read_labels(base).title == "The baseline", "it is written")
        assert read_labels(base) == RunLabels(
            "The baseline", ("paper", "[b]x"), "look at [red]this"
        )
        await select(pilot, app, "The baseline")
        await pilot.press("A")
        await until(pilot, lambda: names(app) == ["boost"], "archived runs are hidden")
        await pilot.press("a")
        await until(pilot, lambda: "The baseline" in names(app), "and shown where asked for")
        await shows(pilot, "archived too")


async def test_marked_runs_are_labelled_together(runs: Path) -> None:
    async with run_list(runs) as (app, pilot):
        await pilot.press("home", "space", "space")
        assert len(app.run_list.marked) == 4
        await pilot.press("t", *"all", "enter")
        paths = [RunPaths(runs / name) for name in os.listdir(runs)]
        await until(
            pilot, lambda: all(read_labels(each).tags == ("all",) for each in paths), "all tagged"
        )
        await pilot.press("escape")
        assert not app.run_list.marked


async def test_a_run_is_deleted_after_the_question_only(runs: Path) -> None:
    async with run_list(runs) as (app, pilot):
        await select(pilot, app, "base")
        for answer in (["escape"], [*"no", "enter", "escape"]):
            await pilot.press("D", *answer)
            await until(pilot, lambda: app.screen is app.run_list, "nothing is done")
        assert (runs / "base").exists()
        await pilot.press("D", *"delete", "enter")
        await until(pilot, lambda: names(app) == ["boost"], "it is gone from the list")
        assert not (runs / "base").exists() and (runs / "boost-s0").exists()


async def test_a_living_run_is_never_deleted(trainer: FakeTrainer) -> None:
    async with run_list(trainer.paths.root.parent) as (app, pilot):
        await pilot.press("D")
        await notified(pilot, "a living run is not deleted")
        assert app.screen is app.run_list
    assert trainer.paths.store.exists()


async def test_readonly_changes_no_run(runs: Path) -> None:
    async with run_list(runs, readonly=True) as (app, pilot):
        await shows(pilot, "read-only")
        for key in "tnRAD":
            app.clear_notifications()
            await pilot.press(key)
            await notified(pilot, "read-only: `asgml watch` without --readonly")
            assert app.screen is app.run_list
    assert not any((runs / name / "labels.json").exists() for name in os.listdir(runs))


async def test_differences_of_the_runs_of_two_lines(runs: Path) -> None:
    async with run_list(runs) as (app, pilot):
        await select(pilot, app, "base")
        await pilot.press("d")
        await notified(pilot, "mark two runs or more")
        app.run_list.marked = {runs / "base", runs / "boost-s0"}
        await pilot.press("d")
        await shows(pilot, "Settings in which 2 runs differ")
        text = "\n".join(screen_text(app))
        assert "method" in text and "baseline" in text and "batch_size" not in text


async def test_keys_of_the_program(runs: Path) -> None:
    async with run_list(runs) as (app, pilot):
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "the help opens")
        await shows(pilot, "runs that differ in their seed alone")
        await pilot.press("escape", "p")
        await notified(pilot, "this run belongs to no plan")
        await pilot.press("escape")
        await notified(pilot, "no run is open")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running or app.return_code is not None, "it leaves")
        assert str(runs) in app.farewell()


async def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    async with run_list(tmp_path, lines=0) as (app, pilot):
        await shows(pilot, "there are no runs here yet; `asgml train` starts one")
        await pilot.press("enter", "space", "d", "t", "b", "down", "pagedown", "D", "p", "c")
        small_run(tmp_path, "first")
        await until(pilot, lambda: names(app) == ["first"], "a new run is listed by itself")


async def test_nothing_is_posted_while_nothing_changes(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings: list[int] = []
    from asgml.storage.runs import index

    read = index.read_records
    monkeypatch.setattr(
        index, "read_records", lambda *given, **how: readings.append(1) or read(*given, **how)
    )
    async with run_list(runs, lines=2) as (app, pilot):
        posted: list[object] = []
        monkeypatch.setattr(app, "on_runs_listed", posted.append)
        monkeypatch.setattr(app.table, "_post", posted.append)
        before = len(readings)
        await until(pilot, lambda: len(readings) > before + 5, "it goes on reading")
        assert not posted


HOSTILE = "[bold red]x[/] \x1b[31m\x07\x9b2J ‮evil [@click=app.quit]"


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_foreign_text_is_neither_markup_nor_control(
    size: tuple[int, int], tmp_path: Path
) -> None:
    paths = small_run(tmp_path, "[red]r[b] \x1b[2J", settings={"method": HOSTILE})
    small_run(tmp_path, "other", settings={"own.\x1b[1m[b]": HOSTILE})
    write_labels(paths, RunLabels(tags=(HOSTILE,), note=HOSTILE))
    async with run_list(tmp_path, size, lines=2) as (app, pilot):
        await select(pilot, app, "[red]r[b] ␛[2J")
        for keys in ([], ["s"], ["escape", "t"], ["escape", "n"], ["escape", "D"]):
            await pilot.press(*keys)
            await pilot.pause(0.1)
            rows = screen_text(app)
            assert all(cell_len(row) == size[0] for row in rows)
            assert not any(
                ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 or letter == "‮"
                for letter in "".join(rows)
            )
        await pilot.press("escape")
        await shows(pilot, "[red]r[b] ␛[2J")


@pytest.mark.parametrize(
    "size", [*SIZES, (45, 12), (41, 7)], ids=lambda size: f"{size[0]}x{size[1]}"
)
@pytest.mark.parametrize("ascii", [False, True])
async def test_all_fits_at_every_size(size: tuple[int, int], ascii: bool, runs: Path) -> None:
    async with run_list(runs, size, lines=2, ascii=ascii) as (app, pilot):
        await pilot.pause(0.1)
        rows = screen_text(app)
        assert all(cell_len(row) == size[0] for row in rows) and len(rows) == size[1]
        assert rows[0].startswith(" runs") and (size[1] < 8 or "detach" in rows[-1])
        beyond = {letter for row in rows for letter in row if ord(letter) > 126}
        assert not ascii or beyond <= set("…–")


async def test_of_ten_thousand_runs_only_those_in_sight_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [record(f"run-{number}", val=number / 1e4, seed=number) for number in range(10_000)]
    drawn: list[object] = []
    line = run_rows.run_line

    def counted(row: Any, *given: Any) -> Any:
        drawn.append(row)
        return line(row, *given)

    monkeypatch.setattr(run_rows, "run_line", counted)
    async with run_list(tmp_path, lines=0) as (app, pilot):
        listing = build_listing(records, ListOptions(grouped=False))
        monkeypatch.setattr(app.table, "_post", lambda message: None)
        app.post_message(RunsListed(tuple(records), listing))
        await until(pilot, lambda: len(app.run_list.listing.rows) == 10_000, "all are listed")
        await shows(pilot, "run-0")
        drawn.clear()
        await pilot.press("end")
        await shows(pilot, "run-9999")
        assert len(drawn) <= 3 * app.run_list.page
        await pilot.press("home", *["down"] * 5)
        assert app.run_list.place == 5


@pytest.mark.parametrize(
    ("size", "ascii"), [((120, 20), False), ((80, 20), True)], ids=["120x20", "80x20-ascii"]
)
def test_pictures(
    size: tuple[int, int],
    ascii: bool,
    runs: Path,
    snap_compare: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("asgml.tui.widgets.run_list_lines.folder_text", lambda folder: "~/runs")
    app = Dashboard(None, runs, interval=0.25, ascii=ascii)

    async def drawn(pilot: Any) -> None:
        await until(pilot, lambda: len(app.run_list.listing.rows) == 2, "the runs are listed")
        await pilot.press("home", "space", "up")
        await shows(pilot, "marked")

    assert snap_compare(app, terminal_size=size, run_before=drawn)
