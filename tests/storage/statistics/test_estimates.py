"""Estimates and power against scipy.stats, and cases computed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from asgml.storage.statistics.estimate import estimate
from asgml.storage.statistics.power import detectable_difference, pairs_needed, power_of

VALUES = st.lists(st.floats(0, 1), min_size=2, max_size=12).filter(lambda v: np.ptp(v) > 1e-6)


@given(VALUES)
def test_the_interval_is_scipys(values: list[float]) -> None:
    found = estimate(values)
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert found.n == len(values)
    assert found.std == pytest.approx(np.std(values, ddof=1))
    assert (found.low, found.high) == pytest.approx((low, high))


def test_three_values_by_hand() -> None:
    # mean 2, std 1, t(2) = 4.3027, half width 4.3027 / sqrt(3)
    found = estimate([1.0, 2.0, 3.0])
    assert (found.mean, found.std) == (2.0, 1.0)
    assert found.half_width == pytest.approx(2.48414, abs=1e-5)


@given(VALUES)
def test_missing_values_change_nothing(values: list[float]) -> None:
    assert estimate([None, *values, math.nan, math.inf]) == estimate(values)


def test_one_value_has_neither_spread_nor_interval() -> None:
    found = estimate([0.7])
    assert (found.n, found.mean) == (1, 0.7)
    assert all(map(math.isnan, (found.std, found.low, found.high)))


@pytest.mark.parametrize("values", [[], [math.nan], [None, math.inf]])
def test_nothing_is_not_zero(values: list[float | None]) -> None:
    found = estimate(values)
    assert found.n == 0 and math.isnan(found.mean)


def test_equal_values_give_no_interval() -> None:
    found = estimate([0.71 - 0.70, 0.72 - 0.71, 0.73 - 0.72])  # equal but for rounding
    assert found.std == 0 and math.isnan(found.low)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 30])
def test_a_detectable_difference_is_found_four_times_in_five(n: int) -> None:
    std, freedom = 0.02, n - 1
    noncentrality = detectable_difference(n, std) / std * math.sqrt(n)
    limit = stats.t.ppf(0.975, freedom)
    power = stats.nct.sf(limit, freedom, noncentrality)
    assert power == pytest.approx(0.8, abs=1e-5)
    assert power_of(n, noncentrality) == pytest.approx(0.8, abs=1e-6)


def test_a_simulation_finds_the_detectable_difference_as_often() -> None:
    generator = np.random.default_rng(0)
    size = detectable_difference(5, 1.0)
    trials = generator.normal(size, 1.0, (4000, 5))
    found = stats.ttest_1samp(trials, 0, axis=1).pvalue <= 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.02)


def test_cohens_table() -> None:
    # Cohen 1988: an effect of one standard deviation needs 10 pairs, of a half 34
    assert pairs_needed(1.0, 1.0) == 10
    assert pairs_needed(-0.5, 1.0) == 34


@given(st.floats(0.2, 5), st.floats(0.1, 2))
def test_one_pair_fewer_could_not_tell(difference: float, std: float) -> None:
    needed = pairs_needed(difference, std)
    if needed is None:
        assert detectable_difference(1000, std) > difference
        return
    assert detectable_difference(needed, std) <= difference
    assert needed == 2 or detectable_difference(needed - 1, std) > difference


@pytest.mark.parametrize("std", [0.0, math.nan])
def test_without_spread_nothing_is_said(std: float) -> None:
    assert math.isnan(detectable_difference(5, std))
    assert pairs_needed(0.1, std) is None


def test_a_difference_of_nothing_needs_more_seeds_than_anyone_has() -> None:
    assert pairs_needed(0.0, 1.0) is None
    assert pairs_needed(1e-6, 1.0) is None
