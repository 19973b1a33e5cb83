"""The comparison on the screen: at each size, by each key, and with text of unknown origin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_trainer import FakeTrainer
from make_many import make_compared
from rich.cells import cell_len
from textual.pilot import Pilot
from tui_kit import comparison, screen_text, settle_comparison, shows, until

from asgml.storage.format.layout import RunPaths
from asgml.tui.app import Dashboard
from asgml.tui.comparison_app import ComparisonApp
from asgml.tui.keys.row import COMPARISON
from asgml.tui.keys.table import keys_for
from asgml.tui.screens.comparison import ComparisonScreen
from asgml.tui.screens.help import HelpScreen
from asgml.tui.screens.lists import ListScreen
from asgml.tui.widgets.comparison_chart import ComparisonChart

SIZES = [(160, 45), (120, 40), (100, 30), (80, 24)]


async def drawn(pilot: Pilot[Any]) -> None:
    app = pilot.app
    assert isinstance(app, ComparisonApp)
    await until(pilot, lambda: not app.main.session.latest.unread, "all runs are read")
    await settle_comparison(pilot)


@pytest.mark.parametrize(
    ("size", "colours"),
    [*((size, "dark") for size in SIZES), ((80, 24), "none")],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}x{value[1]}",
)
def test_pictures(
    size: tuple[int, int],
    colours: str,
    compared: list[Path],
    snap_compare: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if colours == "none":
        monkeypatch.setenv("NO_COLOR", "1")
    app = ComparisonApp(compared, compared[0].parent, interval=0.03)
    assert snap_compare(app, terminal_size=size, run_before=drawn)


@pytest.mark.parametrize("size", [*SIZES, (60, 18), (45, 12)], ids=str)
async def test_nothing_is_cut_off_or_overlaps(size: tuple[int, int], compared: list[Path]) -> None:
    async with comparison(compared, compared[0].parent, size) as (app, _):
        rows = screen_text(app)
        shown = [
            widget
            for widget in app.screen.walk_children()
            if widget.display and widget.region.area and not widget.children
        ]
        assert all(cell_len(row) == size[0] for row in rows) and len(rows) == size[1]
        assert all(widget.region in app.screen.region for widget in shown)
        for place, widget in enumerate(shown):
            assert not any(widget.region.overlaps(other.region) for other in shown[place + 1 :])
        head = "\n".join(rows[:5])
        assert all(name in head for name in ("baseline n=3", "boost n=3", "mlb ≠"))
        assert "do not compare with those of A: C: epochs" in head or size[0] < 60
        if size in SIZES:
            text = "\n".join(rows)
            assert "val_accuracy, against A" in text and "not compared: epochs" in text
            assert "the same values in each of 3 seeds" in text
        assert "help" in rows[-1] and "detach" in rows[-1]
        for chart in app.screen.query(ComparisonChart):
            if chart.display and chart.region.area and chart.panel is not None:
                assert len(chart._strips) == chart.size.height


async def test_settings_that_differ_stand_side_by_side(compared: list[Path]) -> None:
    async with comparison(compared, compared[0].parent) as (app, _):
        row = next(row for row in screen_text(app) if "boost.alpha" in row)
        assert row.split("boost.alpha")[1].split()[:3] == ["–", "0.5", "–"]
        assert not any("│ seed " in row or "│ name " in row for row in screen_text(app))


VIEW: dict[str, Callable[[ComparisonApp], object]] = {
    "band": lambda app: app.main.view.band,
    "split": lambda app: app.main.view.split,
    "hide_1": lambda app: set(app.main.view.hidden),
    "hide_3": lambda app: set(app.main.view.hidden),
    "x_axis": lambda app: app.main.view.axis,
    "log_y": lambda app: set(app.main.view.flipped),
    "smooth_more": lambda app: app.main.view.smoothing,
    "smooth_none": lambda app: app.main.view.smoothing,
    "zoom_in": lambda app: app.main.view.zoom,
    "pan_on": lambda app: app.main.view.start,
    "cursor": lambda app: app.main.view.cursor,
    "next_chart": lambda app: app.main.view.selected,
    "open": lambda app: app.main.view.solo,
}


async def test_keys_change_the_view(compared: list[Path]) -> None:
    async with comparison(compared, compared[0].parent) as (app, pilot):
        by_id = {key.id: key.keys[0] for key in keys_for(COMPARISON)}
        for id, value in VIEW.items():
            before = value(app)
            await pilot.press(by_id[id])
            await pilot.pause()
            assert value(app) != before, id
        await settle_comparison(pilot)


async def test_groups_and_baseline_change_the_rows(compared: list[Path]) -> None:
    async with comparison(compared, compared[0].parent) as (app, pilot):
        await pilot.press("a")
        await shows(pilot, "val_accuracy, against B")
        await pilot.press("g")
        await until(pilot, lambda: len(app.main.comparison.subjects) == 7, "each run alone")
        await settle_comparison(pilot)
        head = "\n".join(screen_text(app)[:5])
        assert all(path.name in head for path in compared)
        await pilot.press("g")
        await until(pilot, lambda: len(app.main.comparison.subjects) == 3, "groups again")


async def test_tables_and_help_open_and_close(compared: list[Path]) -> None:
    async with comparison(compared, compared[0].parent, (80, 24)) as (app, pilot):
        for key, kind, words in (
            ("d", ListScreen, "boost.alpha"),
            ("t", ListScreen, "not compared: epochs"),
            ("question_mark", HelpScreen, "Comparing runs"),
        ):
            await pilot.press(key)
            await until(pilot, lambda kind=kind: isinstance(app.screen, kind), f"{key} opens")  # type: ignore[misc]
            await shows(pilot, words)
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.main, "escape closes it")


@pytest.mark.parametrize("size", [(100, 30), (80, 24)], ids=str)
async def test_the_cursor_tells_the_values_of_all(
    size: tuple[int, int], compared: list[Path]
) -> None:
    async with comparison(compared, compared[0].parent, size) as (app, pilot):
        await pilot.press("c", "left", "left")
        await settle_comparison(pilot)
        x = app.main.view.cursor
        assert x is not None and 600 < x < 720
        text = "\n".join(screen_text(app))
        assert f"values at step {int(x)}" in text
        row = next(row for row in screen_text(app) if "probe_accuracy/audio  " in row)
        cells = row.split("probe_accuracy/audio")[1].split()
        chart = app.screen.query_one("#chart0", ComparisonChart)
        audio = [each for each in chart.drawn if each.line.column == "probe_accuracy/audio"]
        values = [each.curve.value(x) for each in audio]
        assert cells[0] == "–" and values[0] is None, "the baseline ended at step 600"
        assert float(cells[2]) == pytest.approx(values[2], abs=1e-3)


async def test_escape_undoes_one_thing_and_stays(compared: list[Path]) -> None:
    async with comparison(compared, compared[0].parent) as (app, pilot):
        await pilot.press("enter", "c", "escape")
        assert app.main.view.cursor is None and app.main.view.solo
        await pilot.press("escape", "escape", "escape")
        assert not app.main.view.solo and app.screen is app.main and app.is_running


async def test_every_handler_has_a_row(compared: list[Path]) -> None:
    async with comparison(compared[:1], compared[0].parent, (80, 24)) as (app, _):
        declared = {id for group in app.main.actions.groups for id in group.handlers()}
        assert declared == {key.id for key in keys_for(COMPARISON)}


async def test_the_palette_offers_the_keys(compared: list[Path]) -> None:
    async with comparison(compared, compared[0].parent) as (app, pilot):
        await pilot.press("ctrl+p", *"chart for each")
        await shows(pilot, "a chart for each modality")
        await pilot.press("enter")
        await until(pilot, lambda: app.main.view.split, "the command is done")


async def test_nothing_is_drawn_while_nothing_is_new(
    compared: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with comparison(compared, compared[0].parent) as (app, pilot):
        updates: list[object] = []
        monkeypatch.setattr(app, "_display", lambda screen, update: updates.append(update))
        await pilot.pause(0.6)
        assert not [update for update in updates if update is not None]


async def test_a_living_run_grows_and_a_lost_one_is_named(
    compared: list[Path], tmp_path: Path
) -> None:
    trainer = FakeTrainer(RunPaths(tmp_path / "live-01"))
    for _ in range(30):
        trainer.train_step()
    trainer.writer.flush()
    lost = tmp_path / "lost-01"
    paths = [compared[0], trainer.paths.root, lost]
    async with comparison(paths, tmp_path) as (app, pilot):
        await shows(pilot, "lost-01: no run in")
        await shows(pilot, "running 30")
        trainer.train_step()
        trainer.writer.flush()
        await shows(pilot, "running 31")
        assert len(app.main.comparison.subjects) == 2
    trainer.close()


HOSTILE = "[bold red]x[/] \x1b[31m\x07\x9b2J ‮evil"


async def test_foreign_text_is_neither_markup_nor_control(
    compared: list[Path], tmp_path: Path
) -> None:
    strange = make_compared(tmp_path, "[red]r \x1b[2J", 0, steps=60, method=HOSTILE).root
    other = make_compared(tmp_path, "plain", 0, steps=60, method="x", **{HOSTILE: "[b]y"}).root
    for size in [(160, 45), (80, 24)]:
        async with comparison([strange, other, tmp_path / HOSTILE], tmp_path, size) as (app, pilot):
            for keys in (["c"], ["escape", "d"], ["escape", "t"]):
                await pilot.press(*keys)
                await settle_comparison(pilot)
                text = "".join(screen_text(app))
                assert not any(
                    ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 or letter == "‮"
                    for letter in text
                )
            assert "[red]r" in text


async def test_ascii_is_ascii_and_names_runs_by_letters(compared: list[Path]) -> None:
    async with comparison(compared, compared[0].parent, (100, 30), ascii=True) as (app, pilot):
        await pilot.press("c")
        await settle_comparison(pilot)
        beyond = {letter for row in screen_text(app) for letter in row if ord(letter) > 126}
        assert beyond <= set("…–×±−α“”ρ\u2009")
        chart = app.screen.query_one("#chart0", ComparisonChart)
        cells = "".join("".join(s.text for s in strip) for strip in chart._strips[1:-1])
        assert {"A", "B", "C", "."} <= set(cells)


async def test_the_run_list_compares_what_is_marked(compared: list[Path]) -> None:
    app = Dashboard(None, compared[0].parent, interval=0.03)
    async with app.run_test(size=(120, 40)) as pilot:
        await shows(pilot, "mlb-s0")
        await pilot.press("space", "down", "space", "down", "c")
        await until(pilot, lambda: isinstance(app.screen, ComparisonScreen), "it compares")
        screen = app.screen
        assert isinstance(screen, ComparisonScreen)
        await until(pilot, lambda: len(screen.comparison.subjects) == 2, "both are read")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.run_list, "escape leads back")
