"""MMPareto: golden directions, a slow twin, gradients that vanish or cancel."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from core_kit import Bench, assert_same_bits, gradients, modalities, small_config
from methods_kit import AV, doubles, near
from torch import Tensor
from torch.nn import functional

from asgml.core.config.run_config import ConfigError
from asgml.core.measures.gradients import gradients_of
from asgml.core.methods.registry import RegistryError, parse_method
from asgml.core.modulators.mmpareto import pareto_directions
from asgml.core.types import Forward


@pytest.mark.parametrize(
    ("g0", "g1", "cosine", "expected"),
    [
        ((1, 0), (-0.5, 1), -0.447214, (0.930261, 1.395391)),
        ((1, 0), (-1, 0.2), -0.980581, (0.029851, 0.298511)),
        ((3, 0), (-0.1, 0.1), -0.707107, (0.140333, 4.350323)),
        ((1, 0), (0.5, 1), 0.447214, (2.25, 1.5)),  # no conflict: the plain sum, times gamma
    ],
)
def test_the_directions_of_mmpareto(
    g0: Sequence[float], g1: Sequence[float], cosine: float, expected: Sequence[float]
) -> None:
    found, [new] = pareto_directions([doubles(*g0)], [doubles(*g1)], 1.5)
    assert float(found) == near(cosine)
    assert new.tolist() == near(list(expected))


@pytest.mark.parametrize(
    ("g0", "g1"),
    [((1, 2), (-1, -2)), ((0, 0), (0, 0)), ((1, 2), (0, 0)), ((0, 0), (1, 2)), ((1, 1), (1, 1))],
)
def test_mmpareto_survives_gradients_without_length(
    g0: Sequence[float], g1: Sequence[float]
) -> None:
    """Opposite gradients cancel: a step along nothing is no step, not NaN."""
    cosine, [new] = pareto_directions([doubles(*g0)], [doubles(*g1)], 1.5)
    assert bool(new.isfinite().all()) and -1.0001 <= float(cosine) <= 1.0001
    assert bool((new == 0).all()) == all(a == -b for a, b in zip(g0, g1, strict=True))


def pareto_by_loops(bench: Bench, forward: Forward, gamma: float) -> dict[str, list[Tensor]]:
    """One backward pass for each of the M + 1 losses, and loops over tensors in float64."""
    joint = functional.cross_entropy(forward.logits, forward.labels)
    found = {}
    for m, group in bench.balancing.groups.items():
        own = functional.cross_entropy(forward.unimodal_logits[m], forward.labels)
        parameters = group.kernels + group.others
        g0, g1 = (
            [g.double() for g in torch.autograd.grad(loss, parameters, retain_graph=True)]
            for loss in (joint, own)
        )
        v00 = sum(float((a * a).sum()) for a in g0)
        v01 = sum(float((a * b).sum()) for a, b in zip(g0, g1, strict=True))
        v11 = sum(float((b * b).sum()) for b in g1)
        if v01 > 0:
            k0 = 0.5
        elif v01 >= v00:
            k0 = 0.999
        elif v01 >= v11:
            k0 = 0.001
        else:
            k0 = (v11 - v01) / (v00 + v11 - 2 * v01)
        found[m] = []
        for a, b in zip(g0, g1, strict=True):
            new = 2 * k0 * a + 2 * (1 - k0) * b
            found[m].append(gamma * new * max(float((a + b).norm() / new.norm()), 1.0))
    return found


@pytest.mark.parametrize("unimodal", ["split", "heads"])
@pytest.mark.parametrize("seed", range(4))
def test_mmpareto_is_its_slow_twin(unimodal: str, seed: int) -> None:
    sections = {"fusion": {"alone": unimodal}, "mmpareto": {"gamma": 1.3}}
    bench = Bench("mmpareto", modalities(3), seed=seed, **sections)
    slow = pareto_by_loops(bench, bench.model(bench.batch), 1.3)
    bench = Bench("mmpareto", modalities(3), seed=seed, **sections)
    backward = bench.look_back()
    before = gradients(bench.model)
    bench.apply(bench.modulator.modulate(backward))
    for m, group in bench.balancing.groups.items():
        for parameter, expected in zip(group.kernels + group.others, slow[m], strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad.double(), expected, rtol=1e-3, atol=1e-6)
    for name, parameter in bench.model.named_parameters():
        if name.startswith("fusion."):
            assert parameter.grad is not None and torch.equal(parameter.grad, before[name]), (
                f"{name} belongs to no encoder"
            )


def test_the_twins_of_mmpareto_meet_conflicts_and_none() -> None:
    """Otherwise the test above would cover one branch only."""
    cosines = []
    for seed in range(4):
        sections = {"fusion": {"alone": "heads"}, "mmpareto": {"gamma": 1.3}}
        modulation = Bench("mmpareto", modalities(3), seed=seed, **sections).modulate()
        cosines += [float(value) for value in modulation.readings.values()]
    assert min(cosines) < 0 < max(cosines)


def test_the_gradients_of_a_loss_leave_those_of_the_step_alone() -> None:
    bench = Bench("baseline", AV)
    forward = bench.look_back().forward
    before = gradients(bench.model)
    lonely = torch.nn.Parameter(torch.ones(3))
    forward = bench.model(bench.batch)
    found = gradients_of(forward.logits.sum(), [*bench.model.parameters(), lonely])
    assert torch.equal(found[-1], torch.zeros(3))
    assert_same_bits(gradients(bench.model), before)


def test_mmpareto_trains_heads_and_shares_its_place_with_nothing_that_does_the_same() -> None:
    assert small_config(method="mmpareto", fusion={"alone": "heads"}).loss.gamma == 0
    for other in ("inforeg", "asgml_v1", "uniform", "pmr", "g_blending"):
        with pytest.raises((RegistryError, ConfigError), match="which only one can"):
            parse_method(f"mmpareto+{other}")
