"""Laws of the mean of several curves, against a slow twin; and the curve of a run's column."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.storage.format.layout import RunPaths
from asgml.storage.read.reader import Run
from asgml.storage.statistics.curves import Band, Curve, mean_band
from asgml.storage.statistics.run_curves import curve_of

NUMBERS = st.floats(-100, 100)
LISTS = st.lists(st.tuples(st.integers(0, 60), NUMBERS), min_size=1, max_size=40)
few = settings(max_examples=40, deadline=None)
SEVERAL = st.lists(LISTS, min_size=1, max_size=5)


def curve(points: list[tuple[int, float]]) -> Curve:
    """A curve with at most one value at a place: the last one."""
    x, y = zip(*sorted(dict(points).items()), strict=True)
    return np.array(x, float), np.array(y, float)


def same(one: Band, other: Band) -> None:
    for ours, theirs in zip(one, other, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


@few
@given(SEVERAL, st.integers(1, 80))
def test_the_mean_lies_in_its_band_and_no_value_beyond_the_data(
    several: list[list[tuple[int, float]]], points: int
) -> None:
    curves = [curve(each) for each in several]
    band = mean_band(curves, points)
    assert len(band.x) <= points and (np.diff(band.x) > 0).all()
    assert band.n.max() <= len(curves)
    known = band.n > 0
    least, most = (end(np.concatenate([y for _, y in curves])) for end in (np.min, np.max))
    assert (band.mean[known] >= least - 1e-9).all() and (band.mean[known] <= most + 1e-9).all()
    spread = band.n > 1
    assert (band.low[spread] <= band.mean[spread]).all()
    assert (band.mean[spread] <= band.high[spread]).all()
    assert np.isnan(band.low[~spread]).all() and np.isnan(band.high[~spread]).all()


@few
@given(SEVERAL, st.integers(1, 80), st.randoms())
def test_the_order_of_curves_and_of_their_points_does_not_matter(
    several: list[list[tuple[int, float]]], points: int, random: object
) -> None:
    curves = [curve(each) for each in several]
    shuffled = []
    for x, y in curves:
        order = list(range(len(x)))
        random.shuffle(order)  # type: ignore[attr-defined]
        shuffled.append((x[order], y[order]))
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    same(mean_band(curves, points), mean_band(shuffled, points))


@few
@given(SEVERAL, st.integers(1, 80), st.floats(-3, 3), NUMBERS)
def test_a_scaled_and_shifted_curve_has_a_scaled_and_shifted_band(
    several: list[list[tuple[int, float]]], points: int, factor: float, shift: float
) -> None:
    curves = [curve(each) for each in several]
    band = mean_band(curves, points)
    moved = mean_band([(x, factor * y + shift) for x, y in curves], points)
    np.testing.assert_allclose(moved.mean, factor * band.mean + shift, atol=1e-7)
    width = abs(factor) * (band.high - band.low)
    np.testing.assert_allclose(moved.high - moved.low, width, atol=1e-7)


@few
@given(st.lists(NUMBERS, min_size=1, max_size=40), st.integers(1, 5))
def test_equal_curves_have_no_spread(values: list[float], count: int) -> None:
    x, y = np.arange(len(values), dtype=float), np.array(values)
    band = mean_band([(x, y)] * count, 50)
    np.testing.assert_allclose(band.mean, y, atol=1e-9)
    assert (band.n == count).all()
    if count > 1:
        np.testing.assert_allclose(band.high - band.low, 0, atol=1e-6)


@few
@given(st.lists(st.lists(NUMBERS, min_size=7, max_size=7), min_size=2, max_size=6))
def test_epochs_of_the_same_places_are_averaged_place_by_place(rows: list[list[float]]) -> None:
    x = np.arange(7.0)
    band = mean_band([(x, np.array(row)) for row in rows], 7)
    assert band.x.tolist() == x.tolist()
    for index, column in enumerate(zip(*rows, strict=True)):
        assert band.mean[index] == pytest.approx(statistics.fmean(column), abs=1e-9)
        half = (band.high[index] - band.low[index]) / 2
        assert half == pytest.approx(statistics.stdev(column), abs=1e-6)


@few
@given(LISTS, st.integers(1, 30))
def test_bins_against_a_slow_twin(points_of_one: list[tuple[int, float]], points: int) -> None:
    x, y = curve(points_of_one)
    band = mean_band([(x, y)], points)
    if len(x) <= points:
        assert band.mean.tolist() == y.tolist()
        return
    edges = np.linspace(x[0], x[-1], points + 1)
    held: dict[float, float] = {}
    for index in range(points):
        last = index == points - 1
        inside = [
            value
            for place, value in zip(x, y, strict=True)
            if edges[index] <= place and (place < edges[index + 1] or last)
        ]
        if inside:
            held[(edges[index] + edges[index + 1]) / 2] = sum(inside) / len(inside)
    expected = np.interp(band.x, list(held), list(held.values()))
    np.testing.assert_allclose(band.mean, expected, atol=1e-9)


def test_a_run_that_ended_early_counts_as_far_as_it_went() -> None:
    long, short = np.arange(6.0), np.arange(3.0)
    band = mean_band([(long, long), (short, short + 2)], 10)
    assert band.n.tolist() == [2, 2, 2, 1, 1, 1]
    assert band.mean.tolist() == [1, 2, 3, 3, 4, 5]


def test_what_was_not_measured_is_a_gap_and_no_value() -> None:
    x = np.arange(5.0)
    y = np.array([0, np.nan, 2, np.inf, 4])
    assert mean_band([(x, y)], 10).x.tolist() == [0, 2, 4]
    other = (x, np.zeros(5))
    assert mean_band([(x, y), other], 10).mean.tolist() == [0, 0.5, 1, 1.5, 2]


def test_nothing_to_draw_is_an_empty_band() -> None:
    empty = np.empty(0)
    for curves in ([], [(empty, empty)], [(np.array([np.nan]), np.array([1.0]))]):
        assert [len(part) for part in mean_band(curves)] == [0] * 5
    with pytest.raises(ValueError, match="at least 1"):
        mean_band([], 0)


def test_the_curve_of_a_column(tiny_run: RunPaths) -> None:
    run = Run.open(tiny_run)
    x, y = curve_of(run, "loss", "step") or (None, None)
    assert x is not None and y is not None
    assert x.tolist() == [float(step) for step in range(1, 41) if step != 20]  # its NaN
    assert y.tolist() == [2.0 - step / 40 for step in x]
    epochs = curve_of(run, "val_accuracy", "epoch")
    assert epochs is not None and epochs[0].tolist() == [1, 2, 3, 4]
    seconds = curve_of(run, "probe_accuracy/audio", "time")
    assert seconds is not None and seconds[0].tolist() == [1, 2, 3, 4]
    assert curve_of(run, "probe_accuracy/smell") is None
