"""Check the noise of OGM-GE, and `apply` on large and on odd tensors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from core_kit import Bench, modalities, seeded
from scipy import stats
from torch import Tensor

from asgml.core.measures.gradients import encoder_norms
from asgml.core.modulators.apply import NOISE_FLOOR, apply
from asgml.core.modulators.modulation import Modulation
from asgml.core.modulators.noise import PIECE, _quantiles, standard_deviation
from asgml.core.modulators.ogm import OgmGe
from asgml.core.types import Backward, Batch, Forward, ParameterGroup

BIG = 400_000
Groups = dict[str, ParameterGroup]


def big_groups() -> Groups:
    """Two modalities, each with two large kernels of their own spread, and a bias."""
    generator, groups = seeded(1), {}
    for i, m in enumerate(("audio", "visual")):
        made = []
        for j, size in enumerate((BIG, BIG // 2, 100)):
            parameter = torch.nn.Parameter(torch.zeros(size))
            parameter.grad = 0.1 + 0.3 * (1 + i) * (1 + 4 * j) * torch.randn(
                size, generator=generator
            )
            made.append(parameter)
        groups[m] = ParameterGroup((made[0], made[1]), (made[2],))
    return groups


def copies(groups: Groups) -> dict[str, list[Tensor]]:
    return {
        m: [gradient.clone() for gradient in group.gradients("all")] for m, group in groups.items()
    }


def ogm_ge_on(groups: Groups, alpha: float, seed: int = 7) -> Modulation:
    """OGM-GE where audio dominates, so audio alone is throttled."""
    labels = torch.tensor([0])
    unimodal = {"audio": torch.tensor([[2.0, 0.0]]), "visual": torch.tensor([[0.0, 2.0]])}
    forward = Forward(Batch({}, labels), {}, torch.zeros(1, 2), unimodal, labels)
    backward = Backward(forward, groups, {})
    modulation = OgmGe(("audio", "visual"), {"alpha": alpha}).modulate(backward)
    apply(modulation, groups, seeded(seed))
    return modulation


@pytest.mark.parametrize("alpha", [0.0, 0.1, 0.8])
def test_noise_has_the_spread_of_the_gradient_before_the_gain(alpha: float) -> None:
    """On the throttled modality and the other one, tensor by tensor; also with alpha 0.

    Biases keep their gradient.
    """
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
            correlation = float(torch.corrcoef(torch.stack([noise, was]))[0, 1])
            assert correlation == pytest.approx(0, abs=error)
            kurtosis = float((noise / was.std()).pow(4).mean())
            assert kurtosis == pytest.approx(3, abs=0.1), "not Gaussian"
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
        results.append(
            [gradient for group in groups.values() for gradient in group.gradients("kernels")]
        )
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
    of_one_rule = three * Modulation(noise={("audio", "kernels"): 0.4})
    assert of_one_rule.noise_level("audio") == pytest.approx(0.5)
    of_two_rules = three * Modulation(noise={("audio", "all"): 0.4})
    assert of_two_rules.noise_level("audio") == pytest.approx(0.5)
    apply(of_two_rules, groups, seeded())
    noise = groups["audio"].gradients("kernels")[0] - before["audio"][0]
    assert float(noise.std() / before["audio"][0].std()) == pytest.approx(0.5, rel=0.01)


def test_noise_is_not_multiplied_by_a_gain() -> None:
    """Throttle, boost and noise at once: the gain is on the gradient alone."""
    groups = big_groups()
    before = copies(groups)
    both = Modulation(gains={("audio", "all"): 3.0}, noise={("audio", "kernels"): 1.0})
    apply(both, groups, seeded())
    noise = groups["audio"].gradients("kernels")[0] - 3 * before["audio"][0]
    assert float(noise.std() / before["audio"][0].std()) == pytest.approx(1, rel=0.01)


def test_a_gain_for_a_modality_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="smell"):
        Bench("baseline", ("audio",)).apply(Modulation(gains={("smell", "all"): 0.5}))


def test_a_gain_for_a_rule_that_there_is_not_is_an_error() -> None:
    with pytest.raises(ValueError, match="rule 'kernel': expected kernels or all or head"):
        Bench("baseline", ("audio",)).apply(Modulation(gains={("audio", "kernel"): 0.5}))


def test_the_quantiles_are_those_of_the_normal_distribution() -> None:
    """Against scipy's: 65 536 equally likely values, symmetric, of variance 1, sorted."""
    found = _quantiles().double().numpy()
    assert len(set(found.tolist())) == 65_536
    assert found == pytest.approx(-found[::-1], abs=1e-6)
    assert found.std() == pytest.approx(1, abs=1e-6)
    assert found == pytest.approx(stats.norm.ppf((np.arange(65_536) + 0.5) / 65_536), abs=1e-4)


@pytest.mark.parametrize("numbers", [PIECE - 1, PIECE + 1, 5 * PIECE])
def test_noise_follows_the_normal_distribution(numbers: int) -> None:
    """Drawn at once or by pieces: equal for Kolmogorov and Smirnov, and neighbours uncorrelated."""
    groups = one_kernel(torch.zeros(numbers))
    apply(Modulation(noise={("a", "kernels"): 1.0}), groups, seeded())
    noise = (groups["a"].gradients("all")[0] / NOISE_FLOOR).numpy()
    assert stats.kstest(noise, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 4 / math.sqrt(numbers)


def test_large_tensors_get_different_noise_each() -> None:
    kernels = [torch.nn.Parameter(torch.zeros(2 * PIECE)) for _ in range(2)]
    for kernel in kernels:
        kernel.grad = torch.zeros_like(kernel)
    groups = {"a": ParameterGroup(tuple(kernels), ())}
    apply(Modulation(noise={("a", "kernels"): 1.0}), groups, seeded())
    first, second = (kernel.grad for kernel in kernels)
    assert first is not None and second is not None
    assert abs(float(torch.corrcoef(torch.stack([first, second]))[0, 1])) < 4 / math.sqrt(2 * PIECE)


def test_a_large_gradient_with_other_strides_gets_its_noise() -> None:
    gradient = torch.randn(600, 700, generator=seeded(2)).t()
    parameter = torch.nn.Parameter(torch.zeros(700, 600))
    parameter.grad = gradient.clone(memory_format=torch.preserve_format)
    assert not parameter.grad.is_contiguous() and parameter.grad.numel() > PIECE
    groups = {"a": ParameterGroup((parameter,), ())}
    apply(Modulation(noise={("a", "kernels"): 1.0}), groups, seeded())
    noise = parameter.grad - gradient
    assert float(noise.std() / gradient.std()) == pytest.approx(1, rel=0.02)
    assert float((noise != 0).float().mean()) > 0.99


@pytest.mark.parametrize("mean", [0.0, 1.0, 100.0, 1e5])
@pytest.mark.parametrize("numbers", [2, PIECE, 3 * PIECE])
def test_the_standard_deviation_is_torchs(mean: float, numbers: int) -> None:
    """Also where the mean is so large that the quick formula would lose its digits."""
    gradient = mean + torch.randn(numbers, generator=seeded(4))
    in_double = float(gradient.double().std())
    tolerance = 2e-2 if mean > 1e3 else 1e-4
    assert float(standard_deviation(gradient)) == pytest.approx(in_double, rel=tolerance)


@pytest.mark.parametrize("value", [0.0, 1e-30, 3.0, math.nan, math.inf])
def test_the_standard_deviation_of_equal_numbers(value: float) -> None:
    gradient = torch.full((2 * PIECE,), value)
    found, expected = float(standard_deviation(gradient)), float(gradient.std())
    tolerance = 1e-6 * abs(value) if math.isfinite(value) else 0
    assert found == pytest.approx(expected, abs=tolerance, nan_ok=True)


# -- the norm without the noise ----------------------------------------------------------


def parted(norms: Mapping[str, Tensor]) -> dict[str, float]:
    return {m: float(norm) for m, norm in norms.items()}


@pytest.mark.parametrize(
    "method", ["ogm_ge", "ogm_ge+boost", "ogm_ge+inforeg", "ogm", "boost", "baseline"]
)
@pytest.mark.parametrize("rule", ["auto", "all"])
def test_the_norm_without_noise_is_that_of_the_same_step_without_noise(
    method: str, rule: str
) -> None:
    """It is worked out from the gains; here the step is taken again with its noise left out."""
    params = {name: {"params": rule} for name in ("ogm", "ogm_ge")}
    bench, twin = (Bench(method, modalities(2), **params) for _ in range(2))
    for each in (bench, twin):
        with torch.no_grad():
            for parameter in each.model.parameters():
                parameter.mul_(1.02)
    result = bench.balancing.modulate_gradients(bench.look_back().forward)
    silent = replace(twin.modulate(), noise={})
    twin.apply(silent)
    expected = parted(twin.balancing.gradient_norms())
    assert parted(result.clean) == pytest.approx(expected, rel=1e-5)
    noisy = any(float(level) for level in result.modulation.noise.values())
    assert noisy == ("ogm_ge" in method)
    if noisy:
        ratios = [float(result.after[m] / result.clean[m]) for m in bench.names]
        assert max(ratios) > 1.3, "OGM-GE's noise is larger than what the gain leaves"
    else:
        assert parted(result.clean) == parted(result.after)


def test_all_norms_of_an_encoder_without_gradients_are_zero() -> None:
    norms = encoder_norms(ParameterGroup((), ()))
    assert float(norms.total) == 0 and float(norms.scaled(2.0, 3.0)) == 0


def test_kernels_and_others_are_scaled_apart() -> None:
    kernel, bias = (torch.nn.Parameter(torch.zeros(size)) for size in (2, 1))
    kernel.grad, bias.grad = torch.tensor([3.0, 4.0]), torch.tensor([12.0])
    norms = encoder_norms(ParameterGroup((kernel,), (bias,)))
    assert float(norms.total) == 13
    assert float(norms.scaled(2.0, 0.5)) == pytest.approx(math.sqrt(100 + 36))
