"""Sentences never say more than the interval."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgml.storage.statistics.estimate import estimate
from asgml.storage.statistics.paired import PairedDifference, paired_difference
from asgml.storage.statistics.words import can_tell, interval_text, mean_text, sentence, signed

ACCURACY = "test_accuracy_at_best_val"


def difference(*points: float) -> PairedDifference:
    ours = {seed: 0.5 + each / 100 for seed, each in enumerate(points)}
    return paired_difference(ours, dict.fromkeys(ours, 0.5))


def test_a_difference_that_is_seen() -> None:
    # mean 2, std 1, half width 2.776 / sqrt(5) * ... computed: 1.242 * std 1.0
    assert sentence(difference(1, 1, 2, 3, 3)) == "better by 2.0 points (0.8 to 3.2)"
    assert sentence(difference(-1, -1, -2, -3, -3)) == "worse by 2.0 points (0.8 to 3.2)"


def test_none_seen_is_not_equal() -> None:
    text = sentence(difference(-1, 1, 2, 0, -1))
    assert text == "no difference seen (+0.2 ±1.6)" and "equal" not in text


def test_of_an_error_less_is_better() -> None:
    found = paired_difference({0: 0.8, 1: 0.81, 2: 0.82}, {0: 1.0, 1: 1.0, 2: 1.0})
    assert sentence(found, "test_mae_at_best_val", better="low").startswith("better by 0.190 (")
    assert sentence(found, "grad_norm", better="").startswith("lower by")


def test_few_pairs_say_how_few_they_are() -> None:
    assert sentence(difference()) == "cannot tell: no seed in common"
    assert sentence(difference(2)) == "+2.0 points in one seed, no interval"
    assert sentence(difference(0, 0, 0)) == "the same values in each of 3 seeds, no interval"
    assert sentence(difference(1, 1, 1)) == "+1.0 points in each of 3 seeds, no interval"


def test_a_finding_that_holm_takes_away_says_so() -> None:
    text = sentence(difference(1, 1, 2, 3, 3), p_holm=0.08)
    assert text.endswith("(0.8 to 3.2), not after Holm's correction (p 0.08)")
    assert "Holm" not in sentence(difference(1, 1, 2, 3, 3), p_holm=0.03)


@given(st.lists(st.floats(-5, 5).map(lambda v: round(v, 2)), min_size=2, max_size=8))
def test_better_and_worse_only_where_the_interval_excludes_zero(points: list[float]) -> None:
    found = difference(*points)
    claims = sentence(found).startswith(("better", "worse"))
    assert claims == (found.low > 0 or found.high < 0)


def test_numbers_as_text() -> None:
    assert mean_text(estimate([0.70, 0.72]), ACCURACY) == "71.0 ± 1.4"
    assert mean_text(estimate([0.7]), ACCURACY) == "70.0"
    assert mean_text(estimate([]), ACCURACY) == "–"
    assert mean_text(estimate([1.5, 2.5]), "val_loss") == "2.000 ± 0.707"
    assert signed(-0.023, ACCURACY) == "−2.3" and signed(-1e-6, ACCURACY) == "+0.0"
    assert signed(math.nan, ACCURACY) == "–"


def test_what_n_seeds_can_tell() -> None:
    assert can_tell(difference(1, 1, 2, 3, 3)) == "5 seeds can tell 1.7 points here"
    assert can_tell(difference(1)) == ""


@pytest.mark.parametrize("metric", ["val_f1", "test_f1_at_best_val", "val_accuracy_7"])
def test_scores_are_told_in_points(metric: str) -> None:
    assert mean_text(estimate([0.5]), metric) == "50.0"


def test_an_interval_has_true_minus_signs_and_is_none_where_it_is_not_known() -> None:
    assert interval_text(0.693, 0.735, ACCURACY) == "69.3 to 73.5"
    assert interval_text(-0.02, 0.01, ACCURACY) == "−2.0 to 1.0"
    assert interval_text(math.nan, math.nan, ACCURACY) == "–"
