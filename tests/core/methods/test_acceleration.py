"""OGM* and PMR's Acc: the factor of the weak modality, against numbers and loops."""

from __future__ import annotations

import math

import pytest
from core_kit import Bench
from hypothesis import given, settings
from methods_kit import ALPHA, AV, SCORES, doubles, example, near

from asgml.core.methods.registry import parse_method
from asgml.core.modulators.acceleration import Accelerate, acceleration, lag_ratio


@pytest.mark.parametrize("method", ["ogm_star", "pmr_acc"])
def test_the_weak_factor_of_the_full_example(method: str) -> None:
    modulation = Accelerate(AV, {"alpha": 0.8}).modulate(example())
    assert {key: float(gain) for key, gain in modulation.gains.items()} == near(
        {("audio", "kernels"): 1, ("visual", "kernels"): 1.864838}
    )
    assert parse_method(method)[0].target.endswith(":Accelerate")


def test_the_constant_of_the_released_code() -> None:
    modulation = Accelerate(AV, {"alpha": 0.8, "coefficient": "constant"}).modulate(example())
    assert [float(modulation.gain(m)) for m in AV] == [1, 4]


@settings(max_examples=40, deadline=None)
@given(scores=SCORES, alpha=ALPHA)
def test_acceleration_by_loops(scores: list[float], alpha: float) -> None:
    slow = []
    for i, mine in enumerate(scores):
        lag = sum(other / mine for j, other in enumerate(scores) if j != i) / (len(scores) - 1)
        slow.append(1 + math.tanh(alpha * lag) if lag > 1 + 1e-12 else 1.0)
    fast = acceleration(lag_ratio(doubles(*scores)), alpha).tolist()
    even = [abs(score / max(scores) - 1) < 1e-9 for score in scores]
    assert [f for f, skip in zip(fast, even, strict=True) if not skip] == pytest.approx(
        [s for s, skip in zip(slow, even, strict=True) if not skip], abs=1e-9
    )
    if len(set(scores)) == len(scores):
        assert fast[scores.index(max(scores))] == 1


@pytest.mark.parametrize(("method", "first", "last"), [("ogm_star", 6, 80), ("pmr_acc", 0, 50)])
def test_they_act_in_the_epochs_of_their_released_code(method: str, first: int, last: int) -> None:
    """OGM*: plain while epoch <= 5, window to 80; PMR's Acc: window 0 to 50 without warm-up."""
    bench = Bench(method, AV)
    acted = []
    for epoch in range(82):
        bench.modulator.begin_epoch(epoch)
        acted.append(bench.modulate().acts)
    assert acted == [first <= epoch <= last for epoch in range(82)]
