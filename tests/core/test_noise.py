"""The noise of OGM-GE, and what `apply` makes of a modulation on large and on odd tensors."""

from __future__ import annotations

import math

import pytest
import torch
from core_kit import Bench, seeded
from torch import Tensor

from core.modulators.apply import NOISE_FLOOR, apply
from core.modulators.modulation import Modulation
from core.modulators.ogm import OgmGe
from core.types import Backward, Batch, Forward, ParameterGroup

BIG = 400_000
Groups = dict[str, ParameterGroup]


def big_groups() -> Groups:
    """Two modalities, each with two large kernels of their own spread, and a bias."""
    generator, groups = seeded(1), {}
    for i, m in enumerate(("audio", "visual")):
        made = []
        for j, size in enumerate((BIG, BIG // 2, 100)):
            parameter = torch.nn.Parameter(torch.zeros(size))
            parameter.grad = 0.1 + 0.3 * (1 + i) * (1 + 4 * j) * torch.randn(size, generator=generator)
            made.append(parameter)
        groups[m] = ParameterGroup((made[0], made[1]), (made[2],))
    return groups


def copies(groups: Groups) -> dict[str, list[Tensor]]:
    return {m: [gradient.clone() for gradient in group.gradients("all")] for m, group in groups.items()}


def ogm_ge_on(groups: Groups, alpha: float, seed: int = 7) -> Modulation:
    """OGM-GE where audio dominates, so audio alone is throttled."""
    labels = torch.tensor([0])
    alone = {"audio": torch.tensor([[2.0, 0.0]]), "visual": torch.tensor([[0.0, 2.0]])}
    backward = Backward(Forward(Batch({}, labels), {}, torch.zeros(1, 2), alone, labels), groups, {})
    modulation = OgmGe(("audio", "visual"), {"alpha": alpha}).modulate(backward)
    apply(modulation, groups, seeded(seed))
    return modulation


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.8])
def test_noise_has_the_spread_of_the_gradient_before_the_gain(alpha: float) -> None:
    """On both modalities, the throttled and the other one, tensor by tensor; also where alpha is 0. Biases stay."""
    groups = big_groups()
    before = copies(groups)
    modulation = ogm_ge_on(groups, alpha)
    throttle = {m: float(modulation.gain(m)) for m in groups}
    dominant = 1 - math.tanh(alpha * float(modulation.readings["discrepancy/audio"]))
    assert throttle == {"audio": pytest.approx(dominant, abs=1e-6), "visual": 1}
    for m, group in groups.items():
        for now, was in zip(group.gradients("kernels"), before[m], strict=False):
            noise = now - throttle[m] * was
            error = 4 / math.sqrt(len(was))  # four standard errors
            assert float(noise.std() / was.std()) == pytest.approx(1, abs=error)
            assert float(noise.mean() / was.std()) == pytest.approx(0, abs=error)
            assert float(torch.corrcoef(torch.stack([noise, was]))[0, 1]) == pytest.approx(0, abs=error)
            assert float((noise / was.std()).pow(4).mean()) == pytest.approx(3, abs=0.1), "not Gaussian"
        assert torch.equal(group.gradients("all")[2], before[m][2])


def test_two_modalities_get_different_noise() -> None:
    groups = big_groups()
    before = copies(groups)
    ogm_ge_on(groups, 0.0)
    audio, visual = (groups[m].gradients("kernels")[0] - before[m][0] for m in ("audio", "visual"))
    assert abs(float(torch.corrcoef(torch.stack([audio, visual]))[0, 1])) < 4 / math.sqrt(BIG)


def test_the_same_seed_gives_the_same_noise_and_torchs_own_generator_is_not_touched() -> None:
    torch.manual_seed(3)
    untouched = torch.get_rng_state()
    results = []
    for seed in (7, 7, 8):
        groups = big_groups()
        ogm_ge_on(groups, 0.8, seed)
        results.append([gradient for group in groups.values() for gradient in group.gradients("kernels")])
    assert all(torch.equal(a, b) for a, b in zip(results[0], results[1], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(results[0], results[2], strict=True))
    assert torch.equal(torch.get_rng_state(), untouched)


def one_kernel(gradient: Tensor) -> Groups:
    parameter = torch.nn.Parameter(torch.zeros_like(gradient))
    parameter.grad = gradient.clone()
    return {"a": ParameterGroup((parameter,), ())}


def test_noise_has_a_floor() -> None:
    """A gradient of zeros still gets noise of 1e-8, as in OGM-GE's code."""
    groups = one_kernel(torch.zeros(BIG))
    apply(Modulation(noise={("a", "kernels"): 1.0}), groups, seeded())
    assert float(groups["a"].gradients("all")[0].std()) == pytest.approx(NOISE_FLOOR, rel=0.01)


def test_a_single_number_gets_no_nan() -> None:
    """One number has no sample standard deviation; only the floor remains."""
    groups = one_kernel(torch.ones(1))
    apply(Modulation(noise={("a", "all"): 1.0}), groups, seeded())
    assert float(groups["a"].gradients("all")[0]) == pytest.approx(1.0, abs=1e-6)


def test_noise_levels_add_in_quadrature() -> None:
    groups = big_groups()
    before = copies(groups)
    three = Modulation(noise={("audio", "kernels"): 0.3})
    assert (three * Modulation(noise={("audio", "kernels"): 0.4})).noise_level("audio") == pytest.approx(0.5)
    of_two_rules = three * Modulation(noise={("audio", "all"): 0.4})
    assert of_two_rules.noise_level("audio") == pytest.approx(0.5)
    apply(of_two_rules, groups, seeded())
    noise = groups["audio"].gradients("kernels")[0] - before["audio"][0]
    assert float(noise.std() / before["audio"][0].std()) == pytest.approx(0.5, rel=0.01)


def test_noise_is_not_multiplied_by_a_gain() -> None:
    """Throttle, boost and noise at once: the gain is on the gradient alone."""
    groups = big_groups()
    before = copies(groups)
    apply(Modulation(gains={("audio", "all"): 3.0}, noise={("audio", "kernels"): 1.0}), groups, seeded())
    noise = groups["audio"].gradients("kernels")[0] - 3 * before["audio"][0]
    assert float(noise.std() / before["audio"][0].std()) == pytest.approx(1, rel=0.01)


def test_a_gain_for_a_modality_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="smell"):
        Bench("baseline", ("audio",)).apply(Modulation(gains={("smell", "all"): 0.5}))
