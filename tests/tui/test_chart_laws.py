"""Laws of charts: old columns stay, spikes survive, faults show, smoothing ignores the zoom."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.tui.plot.block_extremes import BlockExtremes
from asgml.tui.plot.decimation import decimate
from asgml.tui.plot.envelope_cache import EnvelopeCache
from asgml.tui.plot.glyphs import ASCII, BRAILLE, HALF
from asgml.tui.plot.ranges import Range, nice_range
from asgml.tui.plot.raster import draw, draw_tail
from asgml.tui.plot.smoothing import Smoother, sparkline
from asgml.tui.plot.windows import Window, window_for
from asgml.tui.scene.view_state import View
from asgml.tui.widgets.axes import window_over

numbers = st.floats(-1e6, 1e6, allow_nan=False)
values_or_faults = st.one_of(numbers, st.sampled_from([math.nan, math.inf, -math.inf]))


def steps(rows: int) -> np.ndarray:
    return np.arange(1, rows + 1, dtype=np.float64)


def slow_decimate(
    x: list[float], y: list[float], window: Window
) -> list[tuple[float, float, bool]]:
    """Return (low, high, bad) per column, by loops."""
    found = []
    for column in range(window.columns):
        rows = zip(x, y, strict=True)
        inside = [value for place, value in rows if window.column(place) == column]
        finite = [value for value in inside if math.isfinite(value)]
        low, high = min(finite, default=math.nan), max(finite, default=math.nan)
        found.append((low, high, len(finite) < len(inside)))
    return found


@given(st.lists(values_or_faults, max_size=200), st.integers(1, 40), st.integers(0, 3))
@settings(max_examples=80, deadline=None)
def test_envelope_agrees_with_its_slow_twin(values: list[float], columns: int, zoom: int) -> None:
    x = steps(len(values))
    window = window_for(1, max(len(values), 1), columns, zoom)
    fast = decimate(x, np.array(values), window)
    for column, (low, high, bad) in enumerate(slow_decimate(x.tolist(), values, window)):
        assert np.array_equal([fast.low[column], fast.high[column]], [low, high], equal_nan=True)
        assert fast.bad[column] == bad


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(2, 120))
@settings(max_examples=60, deadline=None)
def test_columns_left_of_the_newest_never_change_while_the_bucket_stays(
    before: int, more: int, columns: int
) -> None:
    values = np.random.default_rng(before).normal(size=before + more)
    x = steps(before + more)
    old, new = window_for(1, before, columns), window_for(1, before + more, columns)
    if old != new:
        return
    done = old.column(before)
    first, second = decimate(x[:before], values[:before], old), decimate(x, values, new)
    for name in ("low", "high", "first", "last", "bad"):
        was, now = getattr(first, name)[:done], getattr(second, name)[:done]
        assert np.array_equal(was, now, equal_nan=True)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_a_growing_envelope_is_the_envelope_of_the_whole(pieces: list[int]) -> None:
    values = np.random.default_rng(len(pieces)).normal(size=sum(pieces))
    cache, x, rows = EnvelopeCache(), steps(sum(pieces)), 0
    for piece in pieces:
        rows += piece
        window = window_for(1, rows, 50)
        grown = cache.update(x[:rows], values[:rows], window)
        whole = decimate(x[:rows], values[:rows], window)
        for name in ("low", "high", "first", "last"):
            assert np.array_equal(getattr(grown, name), getattr(whole, name), equal_nan=True)


@given(st.integers(1, 10**7), st.integers(1, 400))
def test_a_window_holds_the_data_and_wastes_at_most_a_ninth(last: int, columns: int) -> None:
    window = window_for(1, last, columns)
    assert window.start <= 1 and window.end > last
    assert last >= window.end * 8 / 9 - window.bucket


@given(st.integers(1, 10**7), st.integers(1, 400), st.integers(0, 14))
def test_the_window_of_an_ended_run_ends_with_its_data(last: int, columns: int, zoom: int) -> None:
    window = window_for(1, last, columns, zoom, ended=True)
    assert window.column(last) == columns - 1 or window.bucket == 2.0**-10


@given(st.integers(16, 2000), st.integers(1, 2000), st.integers(8, 120))
@settings(max_examples=40, deadline=None)
def test_a_window_grows_by_at_most_an_eighth_at_a_time(first: int, more: int, columns: int) -> None:
    seen = [window_for(1, last, columns) for last in range(first, first + more)]
    for old, new in itertools.pairwise(seen):
        assert old.end <= new.end <= old.end * 1.125
    assert len(set(seen)) <= 9 * math.log2((first + more) / first) + 2


@given(st.integers(100, 10**6), st.integers(1, 10), st.integers(8, 400))
def test_a_following_window_shows_the_newest_step(last: int, zoom: int, columns: int) -> None:
    window = window_for(1, last, columns, zoom)
    assert window.start <= last < window.end
    used = (last - window.start) / (window.end - window.start)
    assert used >= 0.8 - 2 / columns or window.start == 0


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(8, 200), st.integers(0, 8))
@settings(max_examples=60, deadline=None)
def test_a_held_window_stays_while_data_arrive(
    before: int, more: int, columns: int, zoom: int
) -> None:
    view = View(zoom=zoom, start=before / 3)
    held = window_over([(1.0, float(before))], view, columns)
    assert window_over([(1.0, float(before + more))], view, columns, ended=True) == held
    view.start = None
    assert window_over([(1.0, float(before + more))], view, columns).end > before + more


@given(
    st.lists(values_or_faults, max_size=700),
    st.integers(1, 40),
    st.integers(0, 3),
    st.integers(0, 700),
)
@settings(max_examples=80, deadline=None)
def test_blocks_give_the_envelope_of_the_rows(
    values: list[float], columns: int, zoom: int, known: int
) -> None:
    x, y = steps(len(values)) * 1.5, np.array(values)
    window = window_for(1, max(1.5 * len(values), 1), columns, zoom)
    blocks = BlockExtremes()
    blocks.extend(y[:known])
    fast, slow = blocks.decimate(x, y, window), decimate(x, y, window)
    for name in ("low", "high", "first", "last", "bad"):
        assert np.array_equal(getattr(fast, name), getattr(slow, name), equal_nan=True)


@given(
    st.lists(
        st.lists(st.one_of(st.floats(0, 1), st.just(math.nan)), min_size=1, max_size=30),
        min_size=2,
        max_size=8,
    ),
    st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_a_plot_drawn_from_its_tail_is_the_plot_drawn_whole(
    pieces: list[list[float]], rare: bool
) -> None:
    values = np.array([value for piece in pieces for value in piece])
    x = steps(len(values)) * (7 if rare else 1)
    window, span, rows = Window(0, 2.0, 200), Range(0.0, 1.0, 0.5), 0
    caches = [EnvelopeCache(), EnvelopeCache()]
    raster = None
    for piece in pieces:
        rows += len(piece)
        layers = [
            (0, caches[0].update(x[:rows], values[:rows], window)),
            (1, caches[1].update(x[:rows], 1 - values[:rows], window)),
        ]
        whole = draw(layers, span, 100, 8)
        changed = min(cache.changed for cache in caches)
        raster = whole if raster is None else draw_tail(raster, changed, layers, span)
        for name in ("owner", "pattern", "bad"):
            assert np.array_equal(getattr(raster, name), getattr(whole, name))


@pytest.mark.parametrize("place", [1, 777, 50_000, 99_999])
def test_a_spike_of_one_step_survives_decimation(place: int) -> None:
    values = np.zeros(100_000)
    values[place] = 1.0
    data = decimate(steps(100_000), values, window_for(1, 100_000, 100))
    raster = draw([(0, data)], Range(0.0, 1.0, 0.5), 50, 10)
    column = window_for(1, 100_000, 100).column(place + 1) // 2
    assert raster.owner[0, column] == 0


def test_a_fault_is_marked_and_breaks_the_line() -> None:
    values = np.ones(100)
    values[40:60] = math.nan
    data = decimate(steps(100), values, Window(0, 1, 120))
    raster = draw([(0, data)], Range(0.0, 2.0, 1.0), 60, 5)
    assert raster.bad[22] == 0 and raster.bad[5] == -1
    assert (raster.owner[:, 22:29] == -1).all() and (raster.owner[:, 5] == 0).any()


def test_rare_points_are_joined_by_a_line() -> None:
    x, y = np.array([0.0, 90.0]), np.array([0.0, 1.0])
    raster = draw([(0, decimate(x, y, Window(0, 1, 100)))], Range(0.0, 1.0, 0.5), 50, 10)
    assert (raster.owner[:, :45] == 0).any(axis=0).all()


@pytest.mark.parametrize("glyphs", [BRAILLE, HALF, ASCII], ids=lambda glyphs: glyphs.name)
def test_every_rung_of_the_ladder_draws_a_closed_curve(glyphs: object) -> None:
    width = 40 * glyphs.across  # type: ignore[attr-defined]
    values = np.sin(np.linspace(0, 20, 1000))
    data = decimate(steps(1000), values, window_for(1, 1000, width))
    raster = draw([(0, data)], Range(-1.0, 1.0, 0.5), 40, 8, glyphs)  # type: ignore[arg-type]
    drawn = (raster.owner == 0).any(axis=0)
    assert drawn[: int(np.flatnonzero(drawn)[-1]) + 1].all()


def test_the_order_of_layers_decides_who_is_on_top() -> None:
    data = decimate(steps(50), np.ones(50), Window(0, 1, 60))
    raster = draw([(3, data), (5, data)], Range(0.0, 2.0, 1.0), 30, 4)
    assert set(np.unique(raster.owner)) == {-1, 3}


def slow_smooth(values: list[float], weight: float) -> list[float]:
    total, mass, found = 0.0, 0.0, []
    for value in values:
        total, mass = weight * total, weight * mass
        if math.isfinite(value):
            total, mass = total + value, mass + 1
        found.append(total / mass if math.isfinite(value) else math.nan)
    return found


@given(
    st.lists(st.one_of(st.floats(-1e3, 1e3), st.just(math.nan)), max_size=300),
    st.sampled_from([0.6, 0.9, 0.99]),
    st.integers(1, 90),
)
@settings(max_examples=60, deadline=None)
def test_smoothing_agrees_with_its_slow_twin_in_whatever_pieces_it_comes(
    values: list[float], weight: float, piece: int
) -> None:
    smoother, known = Smoother(weight), np.empty(0)
    for end in [*range(piece, len(values), piece), len(values)]:
        known = smoother.update(np.array(values[:end]))
    assert np.allclose(known, slow_smooth(values, weight), rtol=1e-7, atol=1e-7, equal_nan=True)


def test_an_earlier_moment_has_the_same_smoothed_values() -> None:
    values = np.random.default_rng(1).normal(size=500)
    smoother = Smoother(0.9)
    late = smoother.update(values).copy()
    assert np.array_equal(smoother.update(values[:200]), late[:200])


@given(st.floats(-1e9, 1e9), st.floats(0, 1e9))
def test_a_range_holds_its_data_and_has_ticks(low: float, extent: float) -> None:
    span = nice_range(low, low + extent)
    slack = 1e-6 * max(abs(low), extent, 1)
    assert span.low <= low + slack and span.high >= low + extent - slack
    assert 2 <= len(span.ticks()) <= 9


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=60))
def test_a_range_only_grows_while_data_are_added(values: list[float]) -> None:
    spans = [
        nice_range(min(values[:end]), max(values[:end]))
        for end in range(2, len(values) + 1)
        if min(values[:end]) < max(values[:end])
    ]
    for old, new in itertools.pairwise(spans):
        assert new.high - new.low >= (old.high - old.low) * (1 - 1e-9)


def test_a_sparkline_says_where_nothing_finite_is() -> None:
    assert "!" in sparkline(np.array([1.0, math.nan, 2.0]), 3)
    assert sparkline(np.arange(100.0), 8) == "▁▂▃▄▅▆▇█"


def test_an_empty_series_is_an_empty_chart() -> None:
    data = decimate(np.empty(0), np.empty(0), window_for(0, 0, 20))
    assert not data.filled.any() and not data.bad.any()
    assert (draw([(0, data)], Range(0, 1, 1), 10, 3).owner == -1).all()
