"""Panels take what they need and charts the rest; what is out of sight is counted, never silent."""

from __future__ import annotations

import re

import pytest
from fake_trainer import FakeTrainer
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text
from tui_kit import dashboard, screen_text, settle

from asgml.storage.format.layout import RunPaths
from asgml.tui.keys.row import LIVE, REPLAY, RUN_LIST
from asgml.tui.keys.table import footer
from asgml.tui.plot.glyphs import ASCII, BRAILLE
from asgml.tui.screens.room import bottom_height, right_heights
from asgml.tui.terminal.theme import make_styles
from asgml.tui.widgets.bars import chosen
from asgml.tui.widgets.box import framed, more_text
from asgml.tui.widgets.grid import best_shape

LINES = st.integers(0, 60)


@given(st.integers(0, 70), LINES, LINES, LINES)
def test_the_right_column_is_shared_by_need(
    room: int, values: int, knobs: int, system: int
) -> None:
    high, low = right_heights(room, values, knobs, system)
    rest = room - high - low
    assert low in (0, system + 2) and 0 <= high <= max(knobs, 1) + 2
    assert rest >= 0 or room < 2
    if values + 3 + max(knobs, 1) + 2 + (system + 2 if system else 0) <= room and room > 20:
        # all fits: nothing is cut
        assert high == max(knobs, 1) + 2 and rest >= values + 3
    if rest < values + 3 and high < max(knobs, 1) + 2:  # both are cut: the room is halved
        assert abs(rest - high) <= 1


@given(st.integers(10, 80), LINES, LINES, st.booleans())
def test_the_lowest_panels_take_what_they_need(
    rows: int, events: int, runs: int, framed_: bool
) -> None:
    height = bottom_height(rows, events, runs, framed_)
    frame = 2 if framed_ else 0
    assert 1 + frame <= height <= max(max(events, runs, 1) + frame, 1 + frame)
    assert height <= max(rows * 0.2, 3)


@given(LINES, st.integers(20, 60), st.integers(3, 20), LINES)
def test_a_frame_counts_what_it_hides(lines: int, width: int, height: int, above: int) -> None:
    for glyphs in (BRAILLE, ASCII):
        styles = make_styles(glyphs)
        body = [Text(f"line {place}") for place in range(lines)]
        hidden = max(lines - (height - 2), 0)
        more = more_text(above, hidden, styles)
        rows = framed(body, "t", None, (width, height), styles, more)
        assert [row.cell_len for row in rows] == [width] * height
        numbers = [int(number) for number in re.findall(r"\d+", rows[-1].plain)]
        assert numbers == [number for number in (above, hidden) if number]


@pytest.mark.parametrize(("width", "columns"), [(160, 2), (120, 2), (100, 1), (200, 3)])
def test_charts_stand_side_by_side_where_they_fit(width: int, columns: int) -> None:
    right = 55 if width >= 150 else 40
    assert best_shape(width - right, 30, 12)[0] == columns


@pytest.mark.parametrize(
    ("screen", "width", "wanted"),
    [
        (RUN_LIST, 80, {"open", "mark", "compare", "filter", "sort", "help", "palette", "detach"}),
        (LIVE, 80, {"pause", "open", "edit", "stop", "help", "detach"}),
        (REPLAY, 80, {"play", "open", "step_back", "next_mark", "help", "detach"}),
        (RUN_LIST, 60, {"open", "compare", "help", "detach"}),
        (LIVE, 40, {"pause", "help", "detach"}),
    ],
)
def test_the_keys_that_matter_stay_where_it_gets_narrow(
    screen: str, width: int, wanted: set[str]
) -> None:
    entries = [(Text(f" {name} {label} "), key) for name, label, key in footer(screen, {}, {})]
    ending = entries[-3:]
    room = width - sum(text.cell_len for text, _ in ending)
    kept = chosen(entries[:-3], room)
    assert wanted <= {key.id for _, key in [*kept, *ending]}
    assert sum(text.cell_len for text, _ in kept) <= room
    order = [key.id for _, key in entries]
    assert [key.id for _, key in kept] == sorted((key.id for _, key in kept), key=order.index)


@pytest.mark.parametrize("size", [(160, 45), (120, 40), (100, 30), (80, 24)])
async def test_every_cut_panel_says_so(size: tuple[int, int], made_run: RunPaths) -> None:
    async with dashboard("made-01", made_run.root.parent, size) as (app, pilot):
        await settle(pilot)
        text = "\n".join(screen_text(app))
        metrics = [row.column for row in app.main.scene.rows]
        hidden = [name for name in metrics if name not in text]
        assert not hidden or re.search(r"↓ \d+ more", text)
        if size[0] >= 100:
            assert re.search(r"20  L all", text)


async def test_the_selected_knob_is_always_in_sight(
    trainer: FakeTrainer, made_run: RunPaths
) -> None:
    async with dashboard("live-01", trainer.paths.root.parent, (100, 20)) as (app, pilot):
        for _ in range(7):
            await pilot.press("right_curly_bracket")
            await settle(pilot)
            state = app.main.actions.knobs.selected_knob()
            assert state is not None
            short = state.knob.name.rpartition(".")[2]
            rows = screen_text(app)
            assert any("▸" in row and short in row for row in rows)
            assert any(re.search(r"[↑↓] \d+.*more", row) for row in rows)
