"""The mouse: what a click on a line of a panel, on a key of the footer, on a legend does."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from fake_trainer import FakeTrainer
from hypothesis import given
from hypothesis import strategies as st
from make_run import make_run
from many_runs_kit import small_run
from textual.events import MouseScrollDown, MouseScrollUp
from textual.geometry import Offset
from textual.pilot import Pilot
from tui_kit import comparison, dashboard, screen_text, settle, until

from asgml.storage.format.layout import RunPaths
from asgml.tui.plot.glyphs import ASCII, BRAILLE
from asgml.tui.scene.log_lines import LogLine
from asgml.tui.scene.scene import Transport
from asgml.tui.screens.dialogs import KnobDialog
from asgml.tui.screens.help import HelpScreen
from asgml.tui.terminal.theme import make_styles
from asgml.tui.widgets.bars import KeyBar, TransportBar, track_cells, transport_line
from asgml.tui.widgets.chart import Chart
from asgml.tui.widgets.chart_strips import AXIS
from asgml.tui.widgets.comparison_head import ComparisonHead
from asgml.tui.widgets.events import EventLog
from asgml.tui.widgets.knobs import Knobs
from asgml.tui.widgets.plot_box import PlotBox
from asgml.tui.widgets.runs import Runs


async def test_a_click_on_a_key_of_the_footer_presses_it(made_run: RunPaths) -> None:
    async with dashboard(made_run.root, made_run.root.parent) as (app, pilot):
        line = app.main.query_one(KeyBar).plain[0]
        await pilot.click(KeyBar, offset=(line.index("help"), 0))
        await until(pilot, lambda: isinstance(app.screen, HelpScreen), "the help is open")


async def test_a_click_selects_a_knob_and_another_one_edits_it(trainer: FakeTrainer) -> None:
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        knobs = app.main.query_one(Knobs)
        place = list(knobs.picks).index("ogm_ge.alpha")
        await pilot.click(Knobs, offset=(6, place + 1))
        state = app.main.actions.knobs.selected_knob()
        assert state is not None and state.knob.name == "ogm_ge.alpha"
        await pilot.click(Knobs, offset=(6, list(knobs.picks).index("ogm_ge.alpha") + 1))
        await until(pilot, lambda: isinstance(app.screen, KnobDialog), "the dialog is open")


async def test_a_click_on_an_event_moves_all_cursors_to_its_step(made_run: RunPaths) -> None:
    async with dashboard(made_run.root, made_run.root.parent) as (app, pilot):
        lines = app.main.query_one(EventLog).picks
        line = lines[1]
        assert isinstance(line, LogLine)
        await pilot.click(EventLog, offset=(12, 2))
        await until(pilot, lambda: app.view.cursor == line.step, "the cursor is at its step")


async def test_a_click_on_a_run_opens_it(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_run(tmp_path, 60, name=name, nan_at=0)
    async with dashboard(tmp_path / "one", tmp_path) as (app, pilot):
        runs = app.main.query_one(Runs)
        await until(pilot, lambda: tmp_path / "two" in runs.picks, "the runs are listed")
        await pilot.click(Runs, offset=(6, list(runs.picks).index(tmp_path / "two") + 1))
        await until(pilot, lambda: app.main.scene.name == "two", "the other run is open")


async def test_a_click_on_the_track_seeks(made_run: RunPaths) -> None:
    async with dashboard(made_run.root, made_run.root.parent, clock="replay") as (app, pilot):
        await settle(pilot)
        begin, end = track_cells("".join(app.main.query_one(TransportBar).plain))
        await pilot.click(TransportBar, offset=((begin + end) // 2, 0))

        def halfway() -> bool:
            transport = app.main.scene.transport
            return transport is not None and abs(transport.row / transport.rows - 0.5) < 0.02

        await until(pilot, halfway, "the replay stands in the middle")


@given(st.integers(0, 10_000), st.integers(1, 10_000), st.integers(50, 200), st.booleans())
def test_the_track_is_found_wherever_the_replay_stands(
    row: int, rows: int, width: int, ascii: bool
) -> None:
    styles = make_styles(ASCII if ascii else BRAILLE)
    transport = Transport(True, 64.0, min(row, rows), rows)
    line = transport_line(transport, styles, width).plain
    begin, end = track_cells(line)
    assert 0 < begin < end <= width and line[begin - 1] == " " == line[end]
    assert set(line[begin:end]) <= set("━●─=o-")


async def test_a_click_on_the_legend_hides_a_run_and_shows_it_again(tmp_path: Path) -> None:
    paths = [
        small_run(tmp_path, name, settings={"batch_size": size}).root
        for name, size in (("a", 32), ("b", 64))
    ]
    async with comparison(paths, tmp_path) as (app, pilot):
        screen = app.main
        await pilot.click(ComparisonHead, offset=(3, 1))
        assert screen.view.hidden == {0}
        await pilot.click(ComparisonHead, offset=(3, 1))
        assert screen.view.hidden == set()


def _cell(chart: PlotBox, column: int) -> tuple[int, int]:
    """Return the place in a chart of a column of its plot."""
    return AXIS + 1 + column, chart.size.height // 2


async def _pointed(pilot: Pilot[Any], chart: PlotBox, begin: int, end: int) -> None:
    """Drag the mouse on a chart from one column to another."""
    await pilot.mouse_down(chart, offset=_cell(chart, begin))
    await pilot.hover(chart, offset=_cell(chart, end))
    await pilot.mouse_up(chart, offset=_cell(chart, end))


async def test_a_click_on_a_chart_puts_the_cursor_there_on_all_charts(made_run: RunPaths) -> None:
    async with dashboard(made_run.root, made_run.root.parent) as (app, pilot):
        chart = list(app.main.query(Chart))[2]
        await pilot.click(chart, offset=_cell(chart, 20))
        await settle(pilot)
        assert app.view.selected == 2 and app.view.cursor is not None
        assert chart.cell(app.view.cursor) == 20
        assert sum(f"@ step {int(app.view.cursor)}" in row for row in screen_text(app)) >= 2
        placed = app.view.cursor
        await pilot.hover(chart, offset=_cell(chart, 30))
        await settle(pilot)
        assert app.view.cursor == placed, "a click fixes the cursor"
        await pilot.press("escape", "c")
        await pilot.hover(chart, offset=_cell(chart, 10))
        await until(pilot, lambda: chart.cell(app.view.cursor or 0.0) == 10, "it follows")
        await pilot.press("escape")
        await pilot.hover(chart, offset=_cell(chart, 25))
        await settle(pilot)
        assert app.view.cursor is None


async def test_the_wheel_zooms_where_it_points_and_a_drag_pans(made_run: RunPaths) -> None:
    async with dashboard(made_run.root, made_run.root.parent) as (app, pilot):
        chart = list(app.main.query(Chart))[1]
        x = chart.x_at(_cell(chart, 12)[0])
        assert x is not None
        place = Offset(*_cell(chart, 12))
        scroll = partial(_scroll, pilot, chart, place)
        for _ in range(3):
            await scroll(MouseScrollUp)
        assert app.view.zoom == 3 and abs(chart.cell(x) - 12) <= 1
        before = chart.window.start
        await _pointed(pilot, chart, 20, 15)
        await settle(pilot)
        assert chart.window.start > before and app.view.cursor is None
        for _ in range(4):
            await scroll(MouseScrollDown)
        assert app.view.zoom == 0 and app.view.start is None


async def _scroll(pilot: Pilot[Any], chart: PlotBox, place: Offset, kind: type) -> None:
    screen = chart.region.offset + place
    chart.post_message(
        kind(chart, *place, 0, 1, 0, False, False, False, screen_x=screen.x, screen_y=screen.y)
    )
    await settle(pilot)


async def test_the_mouse_places_the_cursor_of_a_comparison(compared: list[Path]) -> None:
    async with comparison(compared[:2], compared[0].parent) as (app, pilot):
        chart = list(app.main.query(PlotBox))[1]
        await pilot.click(chart, offset=_cell(chart, 20))
        await until(pilot, lambda: app.main.view.cursor is not None, "the cursor is shown")
        assert app.main.view.selected == 1
        assert chart.cell(app.main.view.cursor or 0.0) == 20


async def test_the_footer_says_what_enter_does(made_run: RunPaths) -> None:
    async with dashboard(made_run.root, made_run.root.parent) as (app, pilot):
        bar = app.main.query_one(KeyBar)
        assert "enter zoom chart" in bar.plain[0]
        await pilot.press("enter")
        await settle(pilot)
        assert "enter all charts" in bar.plain[0] and "zoom chart" not in bar.plain[0]
        await pilot.press("enter")
        await settle(pilot)
        assert "enter zoom chart" in bar.plain[0]
