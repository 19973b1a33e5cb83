"""Charts against a slow and exact renderer: plain loops from rows to dots, in fractions."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from asgml.tui.plot.canvas import Canvas
from asgml.tui.plot.decimation import decimate
from asgml.tui.plot.envelope_cache import EnvelopeCache
from asgml.tui.plot.glyphs import ASCII, BRAILLE, HALF, Glyphs
from asgml.tui.plot.ranges import Range
from asgml.tui.plot.raster import draw
from asgml.tui.plot.smoothing import Smoother
from asgml.tui.plot.windows import Window, window_for
from asgml.tui.scene.run_data import RunData, TableSnapshot
from asgml.tui.scene.x_places import forward
from asgml.tui.widgets.axes import range_of, y_labels

WIDTH, HEIGHT = 24, 6
kinds = {
    "usual": st.floats(-5, 5),
    "constant": st.just(0.3),
    "huge": st.floats(-1.7e308, 1.7e308).filter(lambda value: abs(value) > 1e300),
    "tiny": st.floats(-1e-300, 1e-300),
    "negative": st.floats(-1e6, -1e-6),
    "zeros and more": st.sampled_from([0.0, -0.0, -1.0, 1.0, 10.0, 1e-5]),
    "narrow": st.floats(12340, 12342),
    "any": st.floats(allow_nan=False, allow_infinity=False),
}
faults = st.sampled_from([math.nan, math.inf, -math.inf])
series = st.sampled_from(sorted(kinds)).flatmap(
    lambda kind: st.lists(st.one_of(kinds[kind], kinds[kind], faults), min_size=1, max_size=60)
)
glyph_sets = st.sampled_from([BRAILLE, HALF, ASCII])


class Column(NamedTuple):
    """What is known of one column: its numbers in the chart's scale, ends and faults."""

    values: list[Fraction]
    first: Fraction | None
    last: Fraction | None
    bad: bool
    sunk: bool


def scaled(value: float, log: bool) -> Fraction | None:
    if not math.isfinite(value) or (log and value <= 0):
        return None
    return Fraction(math.log10(value)) if log else Fraction(value)


def columns_of(x: list[float], y: list[float], window: Window, log: bool) -> list[Column]:
    """Return the columns of a window, by a loop over the rows for each."""
    found = []
    for column in range(window.columns):
        rows = [
            value
            for place, value in zip(x, y, strict=True)
            if window.start <= place < window.end
            and min(math.floor((place - window.start) / window.bucket), window.columns - 1)
            == column
        ]
        numbers = [number for value in rows if (number := scaled(value, log)) is not None]
        finite = [value for value in rows if math.isfinite(value)]
        # a stroke reaches down to the edge where a value lies below a log axis
        below = log and bool(numbers) and min(finite) <= 0
        found.append(
            Column(
                [*numbers, *([Fraction(-(10**6))] if below else [])],
                scaled(rows[0], log) if rows else None,
                scaled(rows[-1], log) if rows else None,
                len(finite) < len(rows),
                log and bool(finite) and max(finite) <= 0,
            )
        )
    return found


def row_of(number: Fraction, span: Range, rows: int, between: bool = False) -> int:
    """Return the row of dots of a number, 0 is the top; undecided ones are not tried.

    `between`: the number is that of a line, so that float64 may round it across an edge.
    """
    place = (Fraction(span.high) - number) / (Fraction(span.high) - Fraction(span.low)) * rows
    nearest = round(place)
    assume((place == nearest and not between) or abs(place - nearest) > Fraction(1, 10**7))
    return min(max(math.floor(place), 0), rows - 1)


def strokes(columns: list[Column], span: Range, rows: int) -> list[tuple[int, int] | None]:
    """Return the first and the last row of each column's stroke."""
    found: list[tuple[int, int] | None] = [
        (row_of(max(each.values), span, rows), row_of(min(each.values), span, rows))
        if each.values
        else None
        for each in columns
    ]
    filled = [place for place, each in enumerate(columns) if each.values]
    for left, right in itertools.pairwise(filled):
        begin, end = columns[left].last, columns[right].first
        if begin is None or end is None or any(each.bad for each in columns[left : right + 1]):
            continue
        for place in range(left + 1, right):
            share = Fraction(place - left, right - left)
            row = row_of(begin + (end - begin) * share, span, rows, begin != end)
            found[place] = (row, row)
    joined = list(found)
    for place in range(1, len(found)):
        before, here = found[place - 1], found[place]
        if before is None or here is None or (columns[place - 1].bad and columns[place].bad):
            continue
        if here[1] < before[0] - 1:
            joined[place] = (here[0], before[0] - 1)
        elif here[0] > before[1] + 1:
            joined[place] = (before[1] + 1, here[1])
    return joined


def letters_of(found: list[tuple[int, int] | None], glyphs: Glyphs) -> list[str]:
    """Return the cells of the strokes, by the dots of each."""
    rows = []
    for row in range(HEIGHT):
        text = ""
        for cell in range(WIDTH):
            dots = {
                (down, across)
                for down in range(glyphs.down)
                for across in range(glyphs.across)
                if (stroke := found[cell * glyphs.across + across]) is not None
                and stroke[0] <= row * glyphs.down + down <= stroke[1]
            }
            text += letter(dots, glyphs)
        rows.append(text)
    return rows


def letter(dots: set[tuple[int, int]], glyphs: Glyphs) -> str:
    if glyphs is BRAILLE:
        bits = {(0, 0): 1, (1, 0): 2, (2, 0): 4, (3, 0): 64}
        bits |= {(0, 1): 8, (1, 1): 16, (2, 1): 32, (3, 1): 128}
        return chr(0x2800 + sum(bits[dot] for dot in dots)) if dots else " "
    if glyphs is HALF:
        return {(): " ", (0,): "▀", (1,): "▄", (0, 1): "█"}[tuple(sorted(d for d, _ in dots))]
    return "." if dots else " "


@given(series, st.integers(0, 3), st.booleans(), glyph_sets, st.booleans())
@example([0.0, -1.0, math.nan], 0, True, BRAILLE, False)
@example([1.7e308, -1.7e308], 0, False, BRAILLE, True)
@example([5e-324, 1e-308], 0, True, HALF, True)
@settings(max_examples=300, deadline=None)
def test_a_chart_is_that_of_the_exact_renderer(
    y: list[float], zoom: int, wanted_log: bool, glyphs: Glyphs, ended: bool
) -> None:
    x = [float(step) for step in range(1, len(y) + 1)]
    window = window_for(1, x[-1], WIDTH * glyphs.across, zoom, ended=ended)
    data = decimate(np.array(x), np.array(y), window)
    span = range_of([data], wanted_log, HEIGHT)
    canvas = Canvas(draw([(0, data)], span, WIDTH, HEIGHT, glyphs), glyphs, {})
    columns = columns_of(x, y, window, span.log)
    expected = letters_of(strokes(columns, span, HEIGHT * glyphs.down), glyphs)
    assert ["".join(row) for row in canvas.letters] == expected

    canvas.add_faults()
    canvas.add_sunk()
    shown = ["".join(row) for row in canvas.letters]
    for cell in range(WIDTH):
        here = columns[cell * glyphs.across : (cell + 1) * glyphs.across]
        assert (shown[0][cell] == glyphs.bad) == any(each.bad for each in here)
        if any(each.sunk for each in here) and expected[-1][cell] == " ":
            assert shown[-1][cell] in (glyphs.below, glyphs.bad)
        inside = any(each.values or each.bad or each.sunk for each in here)
        assert not inside or any(row[cell] != " " for row in shown)
    rows, _ = y_labels(span, HEIGHT)
    assert rows, "a chart without labels says nothing"


@given(series, st.lists(st.floats(-50, 50), min_size=1, max_size=60), st.booleans())
@settings(max_examples=100, deadline=None)
def test_places_that_go_back_are_drawn_where_the_row_before_is(
    y: list[float], steps: list[float], fault: bool
) -> None:
    rows = min(len(y), len(steps))
    raw = np.cumsum(np.array(steps[:rows]))
    if fault:
        raw[rows // 2] = math.nan
    x = forward(raw, "wall_time")
    expected, reached = [], -math.inf
    for place in raw.tolist():
        reached = max(reached, place) if math.isfinite(place) else reached
        expected.append(reached)
    begin = next((place for place in expected if math.isfinite(place)), 0.0)
    assert x.tolist() == [place if math.isfinite(place) else begin for place in expected]
    window = window_for(float(x[0]), float(x[-1]), 2 * WIDTH)
    data = decimate(x, np.array(y[:rows]), window)
    assert window.start <= x[-1] < window.end
    held = [value for value, place in zip(y, x, strict=False) if place >= window.start]
    known = [value for value in held if math.isfinite(value)]
    assert data.filled.any() == bool(known)
    if known:
        assert (np.nanmin(data.low), np.nanmax(data.high)) == (min(known), max(known))


def test_time_goes_on_where_the_clock_was_set_back() -> None:
    steps = np.arange(1.0, 201.0)
    wall = 5000.0 + steps - np.where(steps > 120, 3600.0, 0.0)
    rare = steps[9::10].astype(int) - 1
    names = ["step", "wall_time", "active_time", "segment"]
    rows = np.stack([steps, wall, steps, 0 * steps], axis=1)
    tables = {"steps": TableSnapshot(names, rows), "probes": TableSnapshot(names, rows[rare])}
    data = RunData(tables, start_time=5001.0)
    x = data.x("steps", "wall_time")
    assert (np.diff(x) >= 0).all() and x[-1] == pytest.approx(198.0)
    assert data.x("probes", "wall_time").tolist() == x[rare].tolist()
    for step in (1, 50, 119, 120, 121, 200):
        place = data.place("wall_time", step, float(wall[step - 1]) + 0.5, step)
        assert place is not None and x[step - 1] <= place <= x[step - 1] + 1
    early = RunData({"steps": TableSnapshot(names, rows[:150])}, start_time=5001.0)
    assert early.x("steps", "wall_time").tolist() == x[:150].tolist()


@given(series, st.integers(1, 59), st.booleans())
@settings(max_examples=100, deadline=None)
def test_a_chart_that_grew_is_that_of_the_exact_renderer(
    y: list[float], known: int, log: bool
) -> None:
    x, values = np.arange(1.0, len(y) + 1), np.array(y)
    cache = EnvelopeCache()
    known = min(known, len(y))
    for rows in (known, len(y)):
        window = window_for(1, len(y), 2 * WIDTH)
        data = cache.update(x[:rows], values[:rows], window)
    span = range_of([data], log, HEIGHT)
    columns = columns_of(x.tolist(), y, window, span.log)
    expected = letters_of(strokes(columns, span, HEIGHT * 4), BRAILLE)
    canvas = Canvas(draw([(0, data)], span, WIDTH, HEIGHT), BRAILLE, {})
    assert ["".join(row) for row in canvas.letters] == expected


@pytest.mark.parametrize("value", [1.7e308, -1.7e308, 1.7976931348623157e308, 1e-300, 3.0])
@pytest.mark.parametrize("weight", [0.6, 0.99, 0.997])
def test_the_average_of_a_constant_is_the_constant(value: float, weight: float) -> None:
    smooth = Smoother(weight).update(np.full(4000, value))
    assert np.isfinite(smooth).all() and np.allclose(smooth / value, 1.0)
