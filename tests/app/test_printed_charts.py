"""Printed charts: any numbers of float64 can be drawn, and labels say what their ticks are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asgml.app.charts import drawing
from asgml.app.charts.scale import drawable, scale

WIDTH = 80
numbers = st.one_of(
    st.floats(),
    st.sampled_from([0.0, -1.0, 1.7e308, -1.7e308, 5e-324, 1e-308, math.nan, math.inf]),
)


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "colours_wanted", lambda: False)
    monkeypatch.setattr(drawing, "ascii_wanted", lambda: False)


@given(st.lists(numbers, min_size=1, max_size=30), st.booleans())
@example([1.7e308, -1.7e308], False)
@example([5e-324, 1e-308], True)
@settings(max_examples=60, deadline=None)
def test_any_numbers_are_drawn(values: list[float], log: bool) -> None:
    y = np.array(values)
    if not drawable(y, False).any():
        return
    if np.isfinite(y).sum() < 3 and not np.isfinite(y).all():
        return  # the legend of ✗ covers the upper left corner, and all of so few points with it
    shown = drawing.draw("x", [("", np.arange(len(y)) * 1e8, y)], log=log, width=WIDTH)
    body = "".join(shown.splitlines()[1:-2])
    assert any("⠁" <= letter <= "⣿" for letter in body)
    assert ("✗" in body) == (not np.isfinite(y).all())
    assert "nan" not in shown and "inf" not in shown


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=30))
@settings(max_examples=60, deadline=None)
def test_lines_lie_within_the_chart_and_keep_their_order(values: list[float]) -> None:
    y = np.array(values)
    scaled = scale([("", np.arange(float(len(y))), y)], False, WIDTH, "step")
    ((_, x, heights),) = scaled.lines
    assert x[0] == 0 and x[-1] == 1
    assert heights.min() >= 0 and heights.max() <= 1
    order = np.argsort(y, kind="stable")
    assert (np.diff(heights[order]) >= 0).all()
    assert all(-1e-9 <= place <= 1 + 1e-9 for place, _ in (*scaled.x_ticks, *scaled.y_ticks))


def test_labels_have_the_digits_that_the_span_needs() -> None:
    steps = np.arange(100.0)
    narrow = drawing.draw("x", [("", steps * 1e8, 12340 + steps / 50)], width=WIDTH)
    assert all(label in narrow for label in ("12340┤", "12340.5┤", "12341┤", "2G", "4G"))
    tiny = drawing.draw("x", [("", steps, 1e-30 * (1 + steps / 100))], width=WIDTH)
    assert "x (×1e-30)" in tiny and "1.2┤" in tiny
    times = drawing.draw("x", [("", steps * 60, steps)], width=WIDTH, axis="time")
    assert "0:30:00" in times


def test_values_that_a_logarithm_does_not_have_are_signs_at_the_bottom() -> None:
    steps = np.arange(1.0, 41.0)
    shown = drawing.draw(
        "x", [("", steps, np.where(steps < 20, 0.0, steps))], log=True, width=WIDTH
    )
    assert "x (log)" in shown and "▾" in shown
    none = drawing.draw("x", [("", steps, -steps)], log=True, width=WIDTH)
    assert "log" not in none and "▾" not in none and "-40┤" in none


def test_ascii_holds_no_other_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "ascii_wanted", lambda: True)
    steps = np.arange(40.0)
    y = np.where(steps == 7, np.nan, 1e-30 * steps)
    shown = drawing.draw("x", [("é", steps, y), ("b", steps, -y)], width=WIDTH)
    assert shown.isascii() and "x1e-29" in shown and "!" in shown
