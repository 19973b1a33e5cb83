"""Marks: one label for what happened at one place, the same on all charts, beside its line."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from fake_trainer import FakeTrainer
from hypothesis import given, settings
from hypothesis import strategies as st
from tui_kit import dashboard, shows, until

from asgml.storage.format.events import Event
from asgml.storage.read.clock import ReplayClock
from asgml.storage.read.reader import Run
from asgml.tui.plot.canvas import Canvas
from asgml.tui.plot.glyphs import ASCII, BRAILLE, HALF, Glyphs
from asgml.tui.plot.mark_placing import MARK, PlacedMark
from asgml.tui.plot.raster import Raster
from asgml.tui.plot.windows import Window
from asgml.tui.scene.log_lines import alerts
from asgml.tui.scene.marks import marks
from asgml.tui.scene.run_data import RunData, TableSnapshot
from asgml.tui.session.followed_run import FollowedRun
from asgml.tui.terminal.theme import Styles, make_styles
from asgml.tui.widgets.mark_labels import placed_marks

USUAL = make_styles(BRAILLE)
STEPS = TableSnapshot(
    ["step", "wall_time", "active_time", "segment"],
    np.array([[k, 1000.0 + k, k, 0] for k in range(1, 101)], dtype=np.float64),
)
DATA = RunData({"steps": STEPS}, start_time=1001.0)
WINDOW = Window(0.0, 1.0, 120)


def command(step: int, name: str, wall: float | None = None, **fields: object) -> Event:
    asked = {"command": name, "answer": "applied"} | fields
    return Event("command", step, 1000.0 + step if wall is None else wall, step, 0, asked)


def change(step: int, before: object, after: object, knob: str = "boost.alpha") -> Event:
    return command(step, "set", knob=knob, before=before, after=after)


def label_of(*events: Event, axis: str = "step", styles: Styles = USUAL) -> list[PlacedMark]:
    return placed_marks(marks(events), DATA, axis, WINDOW, styles)


def test_marks_of_one_step_are_one_label_that_names_the_change_first() -> None:
    at_40 = (
        command(40, "pause", 1040.0),
        change(40, 0.25, 0.125),
        command(40, "resume", 1050.0),
    )
    assert label_of(*at_40) == [
        (20, "change", ("α↓0.125 ‖▶ 0:00:10", "α↓0.125 ‖▶", "α↓0.125")),
    ]
    (plain,) = label_of(*at_40, styles=make_styles(ASCII))
    assert plain[2][0] == "alpha=0.125 |> 0:00:10"


def test_a_resume_has_a_mark_of_its_own_where_time_passed() -> None:
    paused = (command(40, "pause", 1040.0), command(40, "resume", 1090.0))
    DATA.reach("wall_time")  # what was worked out for other rows must not be used for these
    data = replace(DATA, tables={"steps": _with_gap(40, 50.0)})
    found = placed_marks(marks(paused), data, "wall_time", WINDOW, USUAL)
    assert [(kind, texts[0]) for _, kind, texts in found] == [
        ("pause", "‖"),
        ("resume", "▶ 0:00:50"),
    ]
    assert found[1][0] - found[0][0] == 25


def _with_gap(step: int, seconds: float) -> TableSnapshot:
    rows = STEPS._data.copy()
    rows[step:, 1] += seconds
    return TableSnapshot(STEPS.names, rows)


@pytest.mark.parametrize(
    ("before", "after", "label"),
    [
        (2, 2, None),
        (2, 2.0, None),
        ("a", "a", None),
        (0.25, 0.5, "α↑0.5"),
        (0.5, 0.25, "α↓0.25"),
        ("a", "b", "α→b"),
        (False, True, "α→true"),
        (None, 1, "α→1"),
    ],
)
def test_a_change_has_a_direction_and_what_changes_nothing_no_mark(
    before: object, after: object, label: str | None
) -> None:
    found = label_of(change(10, before, after))
    assert [texts[0] for _, _, texts in found] == ([label] if label else [])


def test_many_changes_of_one_place_are_the_last_of_each_knob() -> None:
    asked = [change(10, 1.0, 2.0, "lr"), change(10, 0.1, 0.3), change(10, 2.0, 0.5, "lr")]
    (found,) = label_of(*asked)
    assert found[2][0] == "α↑0.3 lr↓0.5"
    many = [change(10, 0, 1, f"part.knob{number}") for number in range(7)]
    (found,) = label_of(*many)
    assert found[2][0] == "knob4↑1 knob5↑1 knob6↑1 +4"
    both = marks([change(10, 0, 1), change(20, 0, 1, "ogm_ge.alpha")])
    assert [mark.knob for mark in both] == ["boost.α", "ogm_ge.α"]


def test_what_a_later_segment_undid_has_no_mark() -> None:
    first = [change(10, 1.0, 2.0), change(30, 2.0, 3.0)]
    resumed = Event("resumed", 20, 1200.0, 20.0, 1, {})
    later = replace(change(30, 2.0, 5.0), segment=1)
    found = marks([*first, resumed, later])
    assert [(mark.step, mark.kind, mark.after) for mark in found] == [
        (10, "change", 2.0),
        (20, "segment", None),
        (30, "change", 5.0),
    ]
    assert [mark.step for mark in marks(first)] == [10, 30]


@pytest.mark.parametrize("axis", ["step", "wall_time", "active_time"])
@pytest.mark.parametrize("place", [math.nan, math.inf, -math.inf, 1e300])
def test_a_time_that_is_none_costs_no_chart(place: float, axis: str) -> None:
    event = Event("command", 5, place, place, 0, dict(change(5, 0, 1).fields))
    assert all(0 <= column < 60 for column, _, _ in label_of(event, axis=axis))


def test_marks_beyond_the_window_are_left_out() -> None:
    window = Window(30.0, 0.5, 40)
    events = [change(step, 0, step) for step in (10, 29, 30, 49, 50, 90)]
    found = placed_marks(marks(events), DATA, "step", window, USUAL)
    assert [column for column, _, _ in found] == [0, 19]


placed = st.dictionaries(
    st.integers(0, 39),
    st.tuples(
        st.sampled_from(["change", "pause", "note"]),
        st.integers(1, 14),
    ),
    max_size=14,
)


@given(
    placed,
    st.lists(st.integers(0, 9), min_size=40, max_size=40),
    st.sampled_from([BRAILLE, HALF, ASCII]),
)
@settings(max_examples=150, deadline=None)
def test_a_label_stands_beside_its_line_and_hides_nothing(
    given_marks: dict[int, tuple[str, int]], curve: list[int], glyphs: Glyphs
) -> None:
    owner = np.full((10, 40), -1, dtype=np.int16)
    owner[curve, range(40)] = 0
    pattern = np.where(owner >= 0, 1, 0).astype(np.int16)
    canvas = Canvas(Raster(owner, pattern, np.full(40, -1), np.full(40, -1)), glyphs, {})
    before = canvas.letters.copy()
    found = [
        (column, kind, (chr(97 + index) * size, chr(97 + index)))
        for index, (column, (kind, size)) in enumerate(sorted(given_marks.items()))
    ]
    canvas.add_marks(found)
    assert (canvas.letters[owner >= 0] == before[owner >= 0]).all()
    for column, _, texts in found:
        letter = texts[0][0]
        cells = np.argwhere((canvas.letters == letter) & (canvas.styles == MARK))
        if len(cells):
            assert len(set(cells[:, 0].tolist())) == 1
            begin, end = cells[:, 1].min(), cells[:, 1].max() + 1
            assert end - begin == len(cells) in {len(text) for text in texts}
            assert column in (begin - 1, end)


def test_a_label_alone_is_always_shown_in_full() -> None:
    owner = np.full((6, 40), -1, dtype=np.int16)
    for column in (0, 20, 39):
        canvas = Canvas(Raster(owner, owner + 1, owner[0], owner[0]), BRAILLE, {})
        canvas.add_marks([(column, "change", ("α↓0.125 ‖▶", "α↓0.125"))])
        assert "α↓0.125 ‖▶" in "".join(canvas.letters[0])
        assert (canvas.letters[:, column] == "┆").all()
        for place in (column, max(column - 3, 0), min(column + 3, 39)):
            canvas.add_cursor(place)
            assert (canvas.letters[1:, place] == "│").all(), "through lines of marks"
        assert "α↓0.125 ‖▶" in "".join(canvas.letters[0]), "but not through a label"


def test_many_marks_close_together_take_few_rows_and_leave_room_to_the_others() -> None:
    owner = np.full((9, 60), -1, dtype=np.int16)
    canvas = Canvas(Raster(owner, owner + 1, owner[0], owner[0]), BRAILLE, {})
    crowd = [(column, "change", (f"lr↑0.00{column}",)) for column in range(30, 50)]
    canvas.add_marks([(5, "change", ("α↓0.125",)), (20, "pause", ("‖▶",)), *crowd])
    rows = ["".join(row) for row in canvas.letters]
    assert sum("lr" in row for row in rows) <= 4 and "lr↑0.0049" in "".join(rows)
    assert any("┆α↓0.125" in row for row in rows) and any("┊‖▶" in row for row in rows)


def test_an_alert_speaks_of_its_step_not_of_that_at_which_it_was_noticed() -> None:
    fields = {"level": "error", "message": "loss is nan at step 4", "column": "loss", "at_step": 4}
    late = Event("alert", 11, 11.0, 11.0, 0, fields)
    (line,) = alerts([late], [])
    assert line.step == 4


async def test_lists_and_a_replay_go_to_the_step_that_an_alert_speaks_of(
    trainer: FakeTrainer,
) -> None:
    fields = {"level": "error", "message": "loss is nan at step 40", "at_step": 40}
    now = trainer.writer.head.step
    trainer.writer.event(Event("alert", now, time.time(), 1.0, 0, fields))
    trainer.writer.flush()
    async with dashboard("live-01", trainer.paths.root.parent) as (app, pilot):
        await shows(pilot, "loss is nan at step 40")
        await pilot.press("A", "enter")
        await until(pilot, lambda: app.view.cursor == 40, "the cursor is at step 40")
    followed = FollowedRun(Run.open(trainer.paths), ReplayClock(Run.open(trainer.paths)))
    followed.run.refresh()
    followed.clock = ReplayClock(followed.run)
    followed.to_mark(1)
    assert followed.clock.row == followed.run.rows_until_step(40)
