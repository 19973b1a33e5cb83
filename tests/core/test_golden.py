"""Compare the formulas of the papers with numbers from another computation, to six digits."""

from __future__ import annotations

import math

import pytest
import torch
from core_kit import Bench
from torch import Tensor

from asgml.core.measures.probes import Probes
from asgml.core.measures.unimodal import discrepancy_ratio, true_class_scores
from asgml.core.modulators.boost import Boost
from asgml.core.modulators.boost_scheduler import BoostScheduler, boost_targets
from asgml.core.modulators.ogm import Ogm, OgmGe, throttle_coefficient
from asgml.core.types import Backward, Batch, Forward, ProbeReading

SIX_DIGITS = 6e-7

ALPHAS = (0.1, 0.3, 0.5, 0.8, 1.0)
RATIOS = (1.0, 1.25, 1.5, 2.0, 3.0)
THROTTLE = (
    (0.900332, 0.875647, 0.851115, 0.802625, 0.708687),
    (0.708687, 0.641643, 0.578101, 0.462950, 0.283702),
    (0.537883, 0.445400, 0.364851, 0.238406, 0.094852),
    (0.335963, 0.238406, 0.166345, 0.078331, 0.016325),
    (0.238406, 0.151716, 0.094852, 0.035972, 0.004945),
)


def near(expected: object) -> object:
    return pytest.approx(expected, abs=SIX_DIGITS)


def example_forward() -> Forward:
    """Two samples of three classes; audio knows more than visual."""
    audio = torch.tensor([[2.0, 0, 0], [0, 1, 0]])
    visual = torch.tensor([[0.5, 0, 0], [0, 0.2, 0]])
    labels = torch.tensor([0, 1])
    return Forward(
        Batch({}, labels), {}, audio + visual, {"audio": audio, "visual": visual}, labels
    )


@pytest.mark.parametrize(("alpha", "row"), list(zip(ALPHAS, THROTTLE, strict=True)))
def test_the_throttle_table_of_ogm(alpha: float, row: tuple[float, ...]) -> None:
    above = torch.tensor([math.nextafter(ratio, 9) for ratio in RATIOS], dtype=torch.float64)
    assert throttle_coefficient(above, alpha).tolist() == near(list(row))


@pytest.mark.parametrize("alpha", ALPHAS)
def test_nothing_is_throttled_up_to_a_ratio_of_one(alpha: float) -> None:
    """The coefficient jumps there: 1 at a ratio of 1, 1 - tanh(alpha) right above."""
    assert throttle_coefficient(torch.tensor([0.0, 0.5, 1.0]), alpha).tolist() == [1, 1, 1]


def test_the_scores_and_ratios_of_the_full_example() -> None:
    scores = true_class_scores(example_forward())
    assert scores.tolist() == near([1.363103, 0.831015])
    assert discrepancy_ratio(scores).tolist() == near([1.640286, 1 / 1.640286])


@pytest.mark.parametrize("kind", [Ogm, OgmGe])
@pytest.mark.parametrize(("alpha", "expected"), [(0.8, 0.135162), (0.3, 0.544130)])
def test_the_throttle_of_the_full_example(kind: type[Ogm], alpha: float, expected: float) -> None:
    modulation = kind(("audio", "visual"), {"alpha": alpha}).modulate(
        Backward(example_forward(), {}, {})
    )
    assert {key: float(gain) for key, gain in modulation.gains.items()} == near(
        {("audio", "kernels"): expected, ("visual", "kernels"): 1}
    )
    assert {name: float(factor) for name, factor in modulation.factors.items()} == near(
        {"throttle/audio": expected, "throttle/visual": 1}
    )
    assert float(modulation.readings["discrepancy/audio"]) == near(1.640286)
    noise = {("audio", "kernels"): 1.0, ("visual", "kernels"): 1.0} if kind is OgmGe else {}
    assert modulation.noise == noise


def test_three_modalities_are_compared_in_pairs() -> None:
    """As the authors do; not the ratio to the mean (1.384615, …) nor to the sum of the others."""
    ratios = discrepancy_ratio(torch.tensor([1.2, 0.8, 0.6], dtype=torch.float64))
    assert ratios.tolist() == near([1.75, 1.0, 0.625])
    assert throttle_coefficient(ratios, 0.5).tolist() == near([0.296094, 1, 1])


@pytest.mark.parametrize(
    ("utilization", "alpha", "scale_max", "expected"),
    [
        ((0.70, 0.40), 0.5, 2.0, (1, 1.5)),
        ((0.65, 0.35), 0.5, 2.0, (1, 1.5)),
        ((0.700001, 0.70), 0.5, 2.0, (1, 1.5)),  # saturation: any gap gives the whole boost
        ((0.40, 0.70), 0.5, 2.0, (1.5, 1)),
        ((0.7, 0.5, 0.4), 0.5, 2.0, (1, 1.333333, 1.5)),
        ((0.7, 0.5, 0.4), 0.75, 2.0, (1, 1.5, 1.75)),
        ((0.5, 0.5), 0.5, 2.0, (1, 1)),
        ((0.5, 0.5 + 1e-9), 0.5, 2.0, (1, 1)),
        ((0.0, 0.0), 1.5, 2.0, (1, 1)),
        ((0.7, 0.4), 1.5, 2.0, (1, 2.0)),
        ((0.7, 0.4), 1.5, 3.0, (1, 2.5)),
        ((0.7, 0.4), 0.0, 2.0, (1, 1)),
    ],
)
def test_the_scales_that_utilizations_ask_for(
    utilization: tuple[float, ...], alpha: float, scale_max: float, expected: tuple[float, ...]
) -> None:
    targets = boost_targets({str(i): u for i, u in enumerate(utilization)}, alpha, scale_max)
    assert list(targets.values()) == near(list(expected))


@pytest.mark.parametrize(
    ("evaluations", "expected"), [(0, 1.0), (1, 1.15), (2, 1.255), (5, 1.415965), (10, 1.485876)]
)
def test_the_scale_grows_with_the_evaluations(evaluations: int, expected: float) -> None:
    scheduler = BoostScheduler(("audio", "visual"))
    for _ in range(evaluations):
        scheduler.update({"audio": 0.7, "visual": 0.4}, alpha=0.5, scale_max=2.0, ema_alpha=0.3)
    assert list(scheduler.scales(0.5, 2.0).values()) == near([1.0, expected])


def test_the_boost_hands_its_scales_to_all_parameters() -> None:
    boost = Boost(("audio", "visual"), {"alpha": 0.5, "scale_max": 2.0, "ema_alpha": 0.3})
    boost.observe(ProbeReading({}, {}, {"audio": 0.4, "visual": 0.7}))
    modulation = boost.modulate(Bench("baseline", ("audio", "visual")).look_back())
    assert modulation.gains == near({("audio", "all"): 1.15, ("visual", "all"): 1.0})
    assert modulation.factors == near({"boost_scale/audio": 1.15, "boost_scale/visual": 1.0})
    assert boost.probe_columns() == near({"boost_target/audio": 1.5, "boost_target/visual": 1.0})


def test_utilization_starts_at_zero_and_follows_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probes, "score", lambda *_: (0.6, 1.0))
    probes = Probes({"audio": 2}, 2, kind="linear", lr=1e-3, device=torch.device("cpu"), seed=0)
    readings = [
        probes.read({"audio": torch.zeros(4, 2)}, torch.tensor([0, 1, 0, 1]), train_steps=1)
        for _ in range(5)
    ]
    assert readings[0].utilization["audio"] == near(0.06)
    assert readings[-1].utilization["audio"] == near(0.245706)


# -- a trap of every method that scales gradients ------------------------------------


def trajectory(optimizer: type[torch.optim.Optimizer], scale: float) -> Tensor:
    """Twenty steps down an ill-conditioned bowl, with the gradient multiplied by `scale`."""
    weight = torch.tensor([3.0, -2.0, 1.0], dtype=torch.float64, requires_grad=True)
    steps = optimizer([weight], lr=0.01)  # type: ignore[call-arg]
    seen = []
    for _ in range(20):
        (gradient,) = torch.autograd.grad(
            (torch.tensor([1.0, 10.0, 0.1]) * weight**2).sum(), weight
        )
        weight.grad = scale * gradient
        steps.step()
        seen.append(weight.detach().clone())
    return torch.stack(seen)


def test_adam_cancels_a_constant_scale_and_sgd_does_not() -> None:
    """The reason of the warning with Adam: a boost of 1.5 leaves its trajectory where it was."""
    adam, sgd = torch.optim.Adam, torch.optim.SGD
    assert torch.allclose(trajectory(adam, 1.5), trajectory(adam, 1.0), rtol=0, atol=1e-6)
    assert not torch.allclose(trajectory(sgd, 1.5), trajectory(sgd, 1.0), rtol=0, atol=1e-2)
