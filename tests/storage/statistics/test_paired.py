"""Paired tests against scipy.stats and by enumeration; Holm by its definition."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from asgml.storage.statistics.holm import holm
from asgml.storage.statistics.paired import exact_wilcoxon, paired_difference

SHARE = st.integers(0, 400).map(lambda correct: correct / 400)
PAIRS = st.lists(st.tuples(SHARE, SHARE), min_size=2, max_size=9)


def by_seed(values: list[float]) -> dict[int, float]:
    return dict(enumerate(values))


@given(PAIRS)
def test_the_paired_t_test_is_scipys(pairs: list[tuple[float, float]]) -> None:
    ours, baseline = (list(side) for side in zip(*pairs, strict=True))
    found = paired_difference(by_seed(ours), by_seed(baseline))
    differences = np.round(np.subtract(ours, baseline), 9)
    if np.ptp(differences) == 0:
        assert math.isnan(found.p_t) and math.isnan(found.low) and found.std == 0
        return
    expected = stats.ttest_rel(ours, baseline)
    interval = expected.confidence_interval(0.95)
    assert found.p_t == pytest.approx(expected.pvalue, abs=1e-9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-8)
    assert found.excludes_zero == (expected.pvalue < 0.05)


def wilcoxon_by_enumeration(differences: list[float]) -> float:
    """All signs of the ranks, twice the smaller tail: the definition."""
    known = [each for each in differences if each]
    ranks = stats.rankdata(np.abs(known))
    observed = sum(rank for rank, each in zip(ranks, known, strict=True) if each > 0)
    sums = [
        sum(rank for rank, sign in zip(ranks, signs, strict=True) if sign)
        for signs in itertools.product((False, True), repeat=len(known))
    ]
    above = sum(total >= observed - 1e-9 for total in sums) / len(sums)
    below = sum(total <= observed + 1e-9 for total in sums) / len(sums)
    return min(1.0, 2 * min(above, below))


@settings(max_examples=40)
@given(st.lists(st.integers(-12, 12), min_size=6, max_size=9))
def test_wilcoxon_is_exact_with_ties_and_zeros(differences: list[int]) -> None:
    found = exact_wilcoxon(np.array(differences, float))
    if sum(each != 0 for each in differences) < 6:
        assert found is None
    else:
        assert found == pytest.approx(wilcoxon_by_enumeration([float(d) for d in differences]))


def test_six_seeds_all_better_by_hand() -> None:
    ours = by_seed([0.71, 0.73, 0.76, 0.80, 0.85, 0.91])
    found = paired_difference(ours, by_seed([0.70] * 6))
    assert found.p_wilcoxon == pytest.approx(2 / 2**6)


def test_five_seeds_have_no_wilcoxon_test() -> None:
    ours = by_seed([0.71, 0.73, 0.76, 0.80, 0.85])
    assert paired_difference(ours, by_seed([0.70] * 5)).p_wilcoxon is None


def test_many_tied_differences_take_the_approximation() -> None:
    differences = np.array([1.0, 1.0, 2.0, -1.0, 3.0] * 4)
    assert exact_wilcoxon(differences) == pytest.approx(stats.wilcoxon(differences).pvalue)


def test_only_equal_keys_make_pairs() -> None:
    ours = {(0, "a"): 0.8, (1, "a"): 0.7, (2, "a"): math.nan, (3, "a"): None}
    baseline = {(0, "a"): 0.6, (1, "b"): 0.1, (2, "a"): 0.5, (3, "a"): 0.5}
    found = paired_difference(ours, baseline)
    assert (found.n, found.mean) == (1, pytest.approx(0.2))
    assert math.isnan(found.p_t) and math.isnan(found.detectable)


def test_no_pair_at_all() -> None:
    found = paired_difference({0: 0.5}, {1: 0.5})
    assert found.n == 0 and math.isnan(found.mean) and found.p_wilcoxon is None


@given(PAIRS)
def test_the_order_of_seeds_does_not_matter(pairs: list[tuple[float, float]]) -> None:
    ours, baseline = (by_seed(list(side)) for side in zip(*pairs, strict=True))
    turned = paired_difference(dict(reversed(ours.items())), baseline)
    found = paired_difference(ours, baseline)
    assert turned.mean == pytest.approx(found.mean)
    assert turned.p_t == pytest.approx(found.p_t, nan_ok=True)


def holm_by_definition(p_values: list[float]) -> list[float]:
    """Adjusted p: the least level at which stepping down rejects the hypothesis."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    for place, index in enumerate(order):
        steps = [(len(order) - j) * p_values[order[j]] for j in range(place + 1)]
        adjusted[index] = min(1.0, max(steps))
    return adjusted


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_is_its_definition(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(holm_by_definition(p_values))


def test_holm_by_hand() -> None:
    # 0.01 * 4, 0.02 * 3, 0.03 * 2, 0.2: and none smaller than the one before
    assert holm([0.03, 0.01, 0.2, 0.02]) == pytest.approx([0.06, 0.04, 0.2, 0.06])


def test_what_was_not_tested_is_not_counted() -> None:
    found = holm([0.02, math.nan, None, 0.04])
    assert [found[0], found[3]] == pytest.approx([0.04, 0.04])
    assert math.isnan(found[1]) and math.isnan(found[2])
