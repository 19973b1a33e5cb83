"""Ranks over data sets: Demšar's published table, scipy's Friedman, and cases by hand."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from asgml.storage.statistics.ranks import critical_difference, rank_methods

DEMSAR = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}
"""Critical values of the two-tailed Nemenyi test at 0.05 (Demšar 2006, table 5a)."""


@pytest.mark.parametrize("methods", DEMSAR)
def test_the_critical_difference_is_the_published_one(methods: int) -> None:
    expected = DEMSAR[methods] * math.sqrt(methods * (methods + 1) / (6 * 14))
    assert critical_difference(methods, 14) == pytest.approx(expected, rel=5e-4)


RESULTS = {
    "a": {"boost": 0.70, "ogm": 0.65, "baseline": 0.60},
    "b": {"boost": 0.80, "ogm": 0.80, "baseline": 0.70},
    "c": {"boost": 0.50, "ogm": 0.60, "baseline": 0.40},
    "d": {"boost": 0.90, "ogm": 0.85, "baseline": 0.80},
}


def test_mean_ranks_by_hand() -> None:
    # boost: 1, 1.5, 2, 1; ogm: 2, 1.5, 1, 2; baseline: 3 on all
    found = rank_methods(RESULTS)
    assert found.ranks == pytest.approx({"boost": 1.375, "ogm": 1.625, "baseline": 3.0})
    assert list(found.ranks) == ["boost", "ogm", "baseline"]


def test_friedman_is_scipys() -> None:
    columns = [[row[name] for row in RESULTS.values()] for name in ("boost", "ogm", "baseline")]
    assert rank_methods(RESULTS).p == pytest.approx(stats.friedmanchisquare(*columns).pvalue)


def test_of_errors_the_lowest_is_best() -> None:
    ranks = rank_methods(RESULTS, better="low").ranks
    assert list(ranks) == ["baseline", "ogm", "boost"] and ranks["baseline"] == 1


def test_neighbours_within_the_critical_difference_form_a_group() -> None:
    # 4 sets and 3 methods: 2.343 * sqrt(12 / 24) = 1.657
    found = rank_methods(RESULTS)
    assert found.critical_difference == pytest.approx(1.657, abs=1e-3)
    assert found.groups == (("boost", "ogm", "baseline"),)
    many = {f"{name}{i}": row for name, row in RESULTS.items() for i in range(5)}
    # 20 sets: 0.741; baseline stands alone
    assert rank_methods(many).groups == (("boost", "ogm"),)


def test_overlapping_groups_are_all_named_and_none_inside_another() -> None:
    orders = ["abcd"] * 9 + ["bacd", "abdc", "acbd"]
    sets = {str(i): {m: -float(o.index(m)) for m in "abcd"} for i, o in enumerate(orders)}
    found = rank_methods(sets)
    # mean ranks 1.083, 2, 3, 3.917 and a critical difference of 1.354
    assert found.groups == (("a", "b"), ("b", "c"), ("c", "d"))


def test_three_sets_are_ranked_and_not_tested() -> None:
    found = rank_methods({name: RESULTS[name] for name in "abc"})
    assert found.n == 3 and found.ranks["baseline"] == 3
    assert math.isnan(found.p) and math.isnan(found.critical_difference) and not found.groups


def test_a_method_without_a_number_on_one_set_is_left_out_and_named() -> None:
    results = {**RESULTS, "d": {**RESULTS["d"], "ogm": math.nan}}
    found = rank_methods(results)
    assert found.left_out == ("ogm",) and list(found.ranks) == ["boost", "baseline"]


def test_methods_that_tie_everywhere_are_alike() -> None:
    found = rank_methods({name: dict.fromkeys("xyz", 0.5) for name in "abcd"})
    assert found.p == 1.0 and set(found.ranks.values()) == {2.0}


def test_no_set_at_all() -> None:
    assert rank_methods({}).ranks == {}
