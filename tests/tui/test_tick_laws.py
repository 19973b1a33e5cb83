"""Laws of labels: those of different ticks differ, and each says its number."""

from __future__ import annotations

import itertools
import math
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from asgml.tui.plot.ranges import Range, nice_range
from asgml.tui.plot.tick_labels import shortest_text
from asgml.tui.plot.windows import Window, window_for
from asgml.tui.widgets.axes import LABEL, y_labels
from asgml.tui.widgets.x_axis import EDGE, x_labels, x_ticks

anything = st.floats(allow_nan=False, allow_infinity=False)
logarithms = st.floats(-323.0, 308.0)
_SUFFIXES = {"": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15}


def exact(text: str) -> Fraction:
    """Return the number that a label says, however large."""
    return Fraction(text)


def parts_of(note: str) -> tuple[Fraction, Fraction]:
    """Return factor and offset of a note."""
    found = re.fullmatch(r"(?:×(\S+))? ?(?:([+-]\S+))?", note)
    assert found is not None, note
    return exact(found.group(1) or "1"), exact(found.group(2) or "0")


@given(anything, anything, st.integers(1, 5), st.integers(1, 40))
@example(0.001, 0.002, 4, 12)
@example(1.1e-30, 2e-30, 4, 12)
@example(12340.0, 12342.0, 5, 12)
@example(-1.7e308, 1.7e308, 5, 12)
@example(0.0, 5e-324, 4, 9)
@example(1.7e308, 1.7e308, 4, 9)
@settings(max_examples=300, deadline=None)
def test_a_label_says_its_tick(one: float, other: float, most: int, height: int) -> None:
    span = nice_range(min(one, other), max(one, other), most=most)
    check_labels(span, span.ticks(), span.tick)
    rows, note = y_labels(span, height)
    assert set(rows.values()) <= set(span.labels(LABEL).texts) and note == span.labels(LABEL).note
    assert all(0 <= row < height for row in rows)


@given(logarithms, logarithms, st.integers(1, 5))
@settings(max_examples=200, deadline=None)
def test_a_label_says_its_tick_on_a_logarithmic_axis(one: float, other: float, most: int) -> None:
    span = nice_range(min(one, other), max(one, other), log=True, most=most)
    texts, note = span.labels(LABEL)
    assert len(set(texts)) == len(texts) >= 1 and max(map(len, texts)) <= LABEL
    factor, offset = parts_of(note)
    for text, tick in zip(texts, span.ticks(), strict=True):
        said = exact(text) * factor + offset
        # of numbers beyond float64 the logarithm is that of numerator and denominator
        logarithm = math.log10(said.numerator) - math.log10(said.denominator)
        assert abs(logarithm - tick) <= 0.06 * span.tick


def check_labels(span: Range, ticks: list[float], tick: float) -> None:
    texts, note = span.labels(LABEL)
    assert len(set(texts)) == len(texts) >= 1 and max(map(len, texts)) <= LABEL
    factor, offset = parts_of(note)
    for text, value in zip(texts, ticks, strict=True):
        # float64 itself is good to 16 digits of the tick's number
        slack = Fraction(tick) / 1000 + Fraction(abs(value)) / 10**15
        assert abs(exact(text) * factor + offset - Fraction(value)) <= slack


@given(anything, anything, st.integers(1, 5))
@settings(max_examples=200, deadline=None)
def test_a_range_holds_all_finite_numbers(one: float, other: float, most: int) -> None:
    low, high = min(one, other), max(one, other)
    span = nice_range(low, high, most=most)
    assert math.isfinite(span.low) and math.isfinite(span.high) and span.high > span.low
    depths = span.depth(np.array([high, low]))
    assert -1e-6 <= depths[0] <= depths[1] <= 1 + 1e-6
    assert 1 <= len(span.ticks()) <= 2 * most + 3


@given(st.integers(-(10**15), 10**15), st.integers(-30, 30))
def test_the_shortest_text_has_all_digits(number: int, power: int) -> None:
    assert exact(shortest_text(number, power)) == number * Fraction(10) ** power


def x_value(text: str, axis: str) -> Fraction:
    """Return the x value that a label says."""
    if axis == "step":
        found = re.fullmatch(r"([0-9.e]+)([kMGTP]?)", text)
        assert found is not None, text
        return exact(found.group(1)) * 10 ** _SUFFIXES[found.group(2)]
    if text.endswith("d"):
        return exact(text[:-1]) * 86400
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + exact(seconds)


@given(
    st.floats(0, 1e15),
    st.integers(-9, 49),
    st.integers(20, 200),
    st.sampled_from(["step", "wall_time", "active_time"]),
)
@example(12340.0, -3, 60, "step")
@example(0.0, 30, 60, "step")
@example(0.0, 30, 60, "wall_time")
@example(5.0, -5, 60, "wall_time")
@settings(max_examples=300, deadline=None)
def test_a_label_of_the_x_axis_says_its_tick(
    start: float, power: int, width: int, axis: str
) -> None:
    end = math.floor(start) + width * 2.0**power
    found = x_ticks(math.floor(start), end, width, axis)
    texts = [text for _, text in found]
    assert len(set(texts)) == len(texts) <= width
    step = min((b[0] - a[0] for a, b in itertools.pairwise(found)), default=1.0)
    for value, text in found:
        assert (
            abs(x_value(text, axis) - Fraction(value))
            <= Fraction(step) / 1000 + Fraction(value) / 10**15
        )


@pytest.mark.parametrize("axis", ["step", "wall_time"])
@pytest.mark.parametrize("last", [12, 250, 99_999, 10**8, 4 * 10**10])
def test_every_chart_has_at_least_two_labels_of_the_x_axis(last: int, axis: str) -> None:
    for width in (40, 80, 150):
        shown = x_labels(window_for(1, last, 2 * width), width, 2, axis)
        assert len([text for text in shown.split(EDGE) if text]) >= 2


def test_labels_stand_under_their_columns() -> None:
    shown = x_labels(Window(0.0, 5.0, 120), 60, 2, "step")
    assert shown[20 - 1 : 20 + 2] == "200"


def test_the_end_of_a_run_has_a_label_where_a_tick_lies_there() -> None:
    for width in (32, 45, 100):
        shown = x_labels(window_for(1, 300, 2 * width, ended=True), width, 2, "step")
        assert shown.endswith(" 300 ") and " 100 " in shown
