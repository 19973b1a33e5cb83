"""The mouse: what a click on a line of a panel, on a key of the footer, on a legend does."""

from __future__ import annotations

from pathlib import Path

from fake_trainer import FakeTrainer
from hypothesis import given
from hypothesis import strategies as st
from make_run import make_run
from many_runs_kit import small_run
from tui_kit import comparison, dashboard, settle, until

from asgml.storage.format.layout import RunPaths
from asgml.tui.plot.glyphs import ASCII, BRAILLE
from asgml.tui.scene.log_lines import LogLine
from asgml.tui.scene.scene import Transport
from asgml.tui.screens.dialogs import KnobDialog
from asgml.tui.screens.help import HelpScreen
from asgml.tui.terminal.theme import make_styles
from asgml.tui.widgets.bars import KeyBar, TransportBar, track_cells, transport_line
from asgml.tui.widgets.comparison_head import ComparisonHead
from asgml.tui.widgets.events import EventLog
from asgml.tui.widgets.knobs import Knobs
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
