"""MLB: golden numbers, a slow twin, coefficients as gains and as learning rates."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from methods_kit import ALPHA, AV, SCORES, doubles, example, near

from asgml.core.modulators.acceleration import lag_ratio
from asgml.core.modulators.mlb import Mlb, mlb_coefficient


def test_mlb_of_the_full_example() -> None:
    modulation = Mlb(AV, {"alpha": 1.0, "beta_max": 5.0}).modulate(example())
    assert {key: float(gain) for key, gain in modulation.gains.items()} == near(
        {("audio", "all"): 0.628338, ("visual", "all"): 3.260378}
    )


def test_mlb_through_the_learning_rate() -> None:
    modulation = Mlb(AV, {"alpha": 1.0, "beta_max": 5.0, "via": "lr"}).modulate(example())
    assert {m: float(rate) for m, rate in modulation.rates.items()} == near(
        {"audio": 0.628338, "visual": 3.260378}
    )
    assert not modulation.acts


def test_mlb_of_three_modalities() -> None:
    lag = lag_ratio(doubles(1.2, 0.8, 0.6))
    assert lag.tolist() == near([0.583333, 1.125, 1.666667])
    assert mlb_coefficient(lag, 1.0, 5.0).tolist() == pytest.approx(
        [0.605881, 1.497412, 3.331131], abs=1e-6
    )


@settings(max_examples=40, deadline=None)
@given(scores=SCORES, alpha=ALPHA, beta_max=st.floats(1, 10))
def test_mlb_by_loops(scores: list[float], alpha: float, beta_max: float) -> None:
    slow = []
    for i, mine in enumerate(scores):
        lag = sum(other / mine for j, other in enumerate(scores) if j != i) / (len(scores) - 1)
        reach = (beta_max if lag > 1 else 2.0) - 1
        slow.append(1 + reach * math.tanh(alpha * (lag - 1)))
    assert mlb_coefficient(lag_ratio(doubles(*scores)), alpha, beta_max).tolist() == pytest.approx(
        slow, abs=1e-8
    )


@settings(max_examples=40, deadline=None)
@given(scores=SCORES, alpha=ALPHA)
def test_the_released_code_without_a_beta_is_a_beta_of_two(
    scores: list[float], alpha: float
) -> None:
    """Its k is 1 + tanh(alpha * (r - 1)) on both sides (the configuration on CREMA-D)."""
    others = [(sum(scores) - mine) / (len(scores) - 1) for mine in scores]
    expected = [
        1 + math.tanh(alpha * (other / mine - 1))
        for other, mine in zip(others, scores, strict=True)
    ]
    lag = lag_ratio(doubles(*scores))
    assert mlb_coefficient(lag, alpha, 2.0).tolist() == pytest.approx(expected, abs=1e-7)
