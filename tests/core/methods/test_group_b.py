"""The methods that look beyond one step, at the past, the graph, the data: golden numbers, slow twins, hard cases, refusals."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from core_kit import (
    Bench,
    assert_same_bits,
    gradients,
    make_trainer,
    modalities,
    reading,
    small_config,
    small_data,
    through_a_file,
    train,
    train_small,
    weights,
)
from torch import Tensor
from torch.nn import functional

from asgml.core.config.config import ConfigError
from asgml.core.data.batches import in_order
from asgml.core.measures.gradients import gradients_of
from asgml.core.measures.shapley import shapley_values, subsets
from asgml.core.methods.registry import METHODS, RegistryError, parse_method
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.agm import agm_coefficients, lead
from asgml.core.modulators.base import Windowed
from asgml.core.modulators.blending import blend_weights, measure
from asgml.core.modulators.inforeg import in_prime_window, pull_strengths
from asgml.core.modulators.learning_speed import (
    clamp,
    learning_speeds,
    over_weakest,
    periods,
    relative,
    staleness_factor,
    updates,
)
from asgml.core.modulators.mmpareto import pareto_directions
from asgml.core.modulators.pmr import rebalance_weights
from asgml.core.modulators.prototypes import Prototypes, entropy
from asgml.core.modulators.relearning import cluster_purity, is_due, purity, reset_weight
from asgml.core.training.preflight import configuration_warnings
from asgml.core.types import Batch, Forward

AV = ("audio", "visual")
ATV = ("audio", "text", "visual")


def near(expected: object) -> object:
    return pytest.approx(expected, abs=6e-7)


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def inner(bench: Bench, method: str) -> Any:
    """The method itself, out of its window."""
    part = bench.modulator.parts[method]
    assert isinstance(part, Windowed)
    return part.inner


def nudge(bench: Bench, factor: float = 1.02) -> None:
    with torch.no_grad():
        for parameter in bench.model.parameters():
            parameter.mul_(factor)


# -- AGM -----------------------------------------------------------------------------


def test_agm_with_two_modalities() -> None:
    losses, expected = doubles(0.6, 1.4), doubles(0.7, 1.2)
    assert lead(losses).tolist() == near([2.225541, 0.449329])
    assert lead(expected).tolist() == near([1.648721, 0.606531])
    assert agm_coefficients(losses, expected, 1.5, 10).tolist() == near([0.420955, 1.265924])


def test_agm_with_three_modalities() -> None:
    losses, expected = doubles(0.6, 1.0, 1.7), doubles(0.7, 1.0, 1.5)
    assert lead(losses).tolist() == near([2.117000, 1.161834, 0.406570])
    assert lead(expected).tolist() == near([1.733253, 1.105171, 0.522046])
    assert agm_coefficients(losses, expected, 1.0, 7).tolist() == near(
        [0.681304, 0.944912, 1.122408]
    )


def test_agm_caps_the_boost_alone() -> None:
    losses, expected = doubles(4.0, 0.0), doubles(0.0, 4.0)
    capped = agm_coefficients(losses, expected, 1.0, 2.0).tolist()
    assert capped[0] == near(math.exp(2))
    assert capped[1] == near(math.exp(math.exp(-4) - math.exp(4)))
    assert agm_coefficients(losses, expected, 0.0, 2.0).tolist() == [1, 1]
    assert lead(doubles(3.0)).tolist() == [1], "a single modality is neither ahead nor behind"


def test_shapley_values_of_two_and_three() -> None:
    two = {"": 1 / 6, "a": 0.57, "v": 0.62, "av": 0.70}
    three = {
        "": 1 / 6,
        "a": 0.55,
        "t": 0.70,
        "v": 0.40,
        "at": 0.76,
        "av": 0.60,
        "tv": 0.74,
        "atv": 0.80,
    }
    for values, players, expected in [
        (two, "av", [0.241667, 0.291667]),
        (three, "atv", [0.191111, 0.336111, 0.106111]),
    ]:
        found = shapley_values(
            {frozenset(names): doubles(value) for names, value in values.items()}, tuple(players)
        )
        assert [float(value) for value in found.values()] == near(expected)


def shapley_by_orders(bench: Bench, forward: Forward) -> dict[str, Tensor]:
    """Every order of joining, every subset a whole forward pass with zeros at the inputs."""

    def predict(present: frozenset[str]) -> Tensor:
        if not present:
            return torch.zeros_like(forward.logits)
        if present == frozenset(bench.names):
            return forward.logits.detach()
        inputs = {
            m: x if m in present else torch.zeros_like(x) for m, x in bench.batch.inputs.items()
        }
        model = copy.deepcopy(bench.model).eval()
        logits: Tensor = model(Batch(inputs, bench.batch.labels)).logits
        return logits.detach()

    known = {present: predict(present) for present in subsets(bench.names)}
    orders = list(itertools.permutations(bench.names))
    found = {m: torch.zeros_like(forward.logits) for m in bench.names}
    for order in orders:
        for i, m in enumerate(order):
            found[m] += (known[frozenset(order[: i + 1])] - known[frozenset(order[:i])]) / len(
                orders
            )
    return found


@pytest.mark.parametrize("names", [AV, ATV, modalities(4)], ids=len)
def test_agm_is_its_slow_twin(names: tuple[str, ...]) -> None:
    """Over some steps, so that the running mean counts: it is updated after use, and is 0 in the first step."""
    bench = Bench("agm", names, agm={"alpha": 0.7})
    mean, gains = [0.0] * len(names), []
    for t in range(1, 5):
        backward = bench.look_back()
        own = shapley_by_orders(bench, backward.forward)
        state = {name: value.clone() for name, value in bench.model.state_dict().items()}
        modulation = bench.modulator.modulate(backward)
        assert_same_bits(bench.model.state_dict(), state)
        assert bench.model.training
        scores = []
        for m in names:
            probabilities = own[m].softmax(dim=1)
            scores.append(
                sum(
                    -math.log(max(float(p[y]), 1e-8))
                    for p, y in zip(probabilities, bench.batch.labels, strict=True)
                )
                / 6
            )
        count = len(names)
        r = [math.exp(count / (count - 1) * (sum(scores) / count - s)) for s in scores]
        tau = [math.exp(count / (count - 1) * (sum(mean) / count - s)) for s in mean]
        expected = [math.exp(0.7 * min(b - a, 10)) for a, b in zip(r, tau, strict=True)]
        gains = [float(modulation.gains[(m, "all")]) for m in names]
        assert gains == pytest.approx(expected, rel=1e-4)
        mean = [old * (t - 1) / t + new / t for old, new in zip(mean, scores, strict=True)]
        nudge(bench, 1.1)
    assert max(gains) > 1 > min(gains), (
        "nobody is boosted or nobody throttled: the test sees one side only"
    )


def test_agm_refuses_more_modalities_than_it_can_predict_from() -> None:
    data = small_data(AV)
    names = tuple(f"m{i}" for i in range(7))
    many = type(data)(
        "many",
        names,
        data.classes,
        dict.fromkeys(names, (5,)),
        {
            part: type(split)(dict.fromkeys(names, split.inputs["visual"]), split.labels)
            for part, split in data.splits.items()
        },
        {},
    )
    with pytest.raises(MethodError, match=r"agm needs at most 6 modalities.*7"):
        Bench("agm", names, data=many)


# -- MMPareto ------------------------------------------------------------------------


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
    for m, group in bench.components.groups.items():
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


@pytest.mark.parametrize("alone", ["split", "heads"])
@pytest.mark.parametrize("seed", range(4))
def test_mmpareto_is_its_slow_twin(alone: str, seed: int) -> None:
    bench = Bench(
        "mmpareto", modalities(3), seed=seed, fusion={"alone": alone}, mmpareto={"gamma": 1.3}
    )
    slow = pareto_by_loops(bench, bench.model(bench.batch), 1.3)
    bench = Bench(
        "mmpareto", modalities(3), seed=seed, fusion={"alone": alone}, mmpareto={"gamma": 1.3}
    )
    backward = bench.look_back()
    before = gradients(bench.model)
    bench.apply(bench.modulator.modulate(backward))
    for m, group in bench.components.groups.items():
        for parameter, expected in zip(group.kernels + group.others, slow[m], strict=True):
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad.double(), expected, rtol=1e-3, atol=1e-6)
    for name, parameter in bench.model.named_parameters():
        if name.startswith("fusion."):
            assert parameter.grad is not None and torch.equal(parameter.grad, before[name]), (
                f"{name} belongs to no encoder"
            )


def test_the_twins_of_mmpareto_meet_conflicts_and_none() -> None:
    """Otherwise the test above would know one branch only."""
    cosines = []
    for seed in range(4):
        readings = (
            Bench(
                "mmpareto",
                modalities(3),
                seed=seed,
                fusion={"alone": "heads"},
                mmpareto={"gamma": 1.3},
            )
            .modulate()
            .readings
        )
        cosines += [float(value) for value in readings.values()]
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


def test_unimodal_losses_that_are_added_twice_come_with_a_warning() -> None:
    for method, gamma, warned in [
        ("mmpareto", 0.5, True),
        ("mmpareto", 0.0, False),
        ("pmr", 0.5, False),
        ("g_blending+agm", 1.0, True),
    ]:
        bench = Bench(method, AV, loss={"gamma": gamma})
        told = [
            message
            for message in configuration_warnings(bench.components.config, bench.model)
            if "once more" in message
        ]
        assert [message.split()[0] for message in told] == [method.split("+")[0]] * warned


@pytest.mark.parametrize("kind", ["film", "gated"])
@pytest.mark.parametrize("method", ["agm", "mmpareto", "pmr", "g_blending", "inforeg", "asgml_v1"])
def test_a_fusion_that_is_not_linear_gives_no_nan(method: str, kind: str) -> None:
    bench = Bench(method, AV, fusion={"kind": kind, "alone": "ablation"})
    bench.apply(bench.modulate())
    assert gradients(bench.model)
    assert all(bool(gradient.isfinite().all()) for gradient in gradients(bench.model).values())


@pytest.mark.parametrize(
    "case",
    [
        "agm",
        "mmpareto",
        "pmr",
        "g_blending",
        "relearning",
        "inforeg",
        "asgml_v1",
        "asgml_v1 by staleness",
    ],
)
def test_a_frozen_encoder_stays_where_it_is(case: str, tmp_path: Path) -> None:
    method = case.split()[0]
    trainer, _ = train_small(
        tmp_path / "run", method=method, freeze=["audio"], **{method: LIVELY[case]}
    )
    begun = make_trainer(tmp_path / "begun", small_data(), trainer.config, silent=True)
    ours, theirs = (each.components.model.encoders for each in (trainer, begun))
    assert_same_bits(ours["audio"].state_dict(), theirs["audio"].state_dict())
    assert any(
        not torch.equal(p, q)
        for p, q in zip(ours["visual"].parameters(), theirs["visual"].parameters(), strict=True)
    )


# -- PMR -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "beta", "gamma"), [(0.5, 1, 0), (1, 0, 0), (1.5, 0, 0.5), (3, 0, 1), (0.8, 0.25, 0)]
)
def test_the_weights_of_pmr(ratio: float, beta: float, gamma: float) -> None:
    slow, fast = rebalance_weights(doubles(ratio, 1.0), "paper")
    assert slow.tolist() == near([beta, gamma])
    assert fast.tolist() == near([gamma, beta])
    slow, fast = rebalance_weights(doubles(ratio, 1.0), "code")
    assert slow.tolist() == [float(beta > 0), float(gamma > 0)]


def test_three_modalities_are_slow_in_pairs() -> None:
    """mean of 0.8/1.2 and 0.6/1.2, of 1.2/0.8 and 0.6/0.8, of 1.2/0.6 and 0.8/0.6, less 1, within 0 and 1."""
    slow, fast = rebalance_weights(doubles(1.2, 0.8, 0.6), "paper")
    assert slow.tolist() == near([0, 0.125, 0.666667])
    assert fast.tolist() == near([0.75, 0, 0])
    assert rebalance_weights(doubles(0.0, 0.0), "paper")[0].tolist() == [0, 0]


def test_prototypes_by_loops() -> None:
    generator = torch.Generator().manual_seed(0)
    made, slow = Prototypes(), {}
    for present in ([0, 0, 2], [0, 1, 1], [1]):
        labels, features = torch.tensor(present), torch.randn(len(present), 4, generator=generator)
        made.update({"audio": features}, labels, 4, 0.2)
        for k in set(present):
            mean = torch.stack([f for f, y in zip(features, present, strict=True) if y == k]).mean(
                dim=0
            )
            slow[k] = 0.8 * mean + 0.2 * slow[k] if k in slow else mean
    assert made.known.tolist() == [True, True, True, False]
    for k, expected in slow.items():
        torch.testing.assert_close(made.means["audio"][k], expected)


def test_a_class_that_was_never_seen_takes_no_part() -> None:
    """Its prototype would be 0/0. Its samples are left out, the other classes are told apart without it."""
    made = Prototypes()
    made.update({"audio": torch.tensor([[0.0, 0.0], [3.0, 4.0]])}, torch.tensor([0, 2]), 3, 0.2)
    features = torch.tensor([[0.0, 0.0], [1.0, 1.0], [3.0, 4.0]], requires_grad=True)
    logits = made.logits("audio", features)
    assert logits.detach().softmax(dim=1)[:, 1].tolist() == [0, 0, 0]
    loss = made.loss(logits, torch.tensor([0, 1, 2])) + entropy(logits)
    loss.backward()
    assert features.grad is not None
    assert loss.isfinite() and bool(features.grad.isfinite().all()), (
        "a sample on its prototype has no direction"
    )
    one = -math.log(1 / (1 + math.exp(-5)))
    assert float(made.loss(logits.detach(), torch.tensor([0, 1, 2]))) == near(one), (
        "the mean of the two that count"
    )
    assert float(made.loss(logits.detach(), torch.tensor([1, 1, 1]))) == 0


@pytest.mark.parametrize("rule", ["paper", "code"])
def test_the_loss_of_pmr_by_loops(rule: str) -> None:
    settings = {"alpha": 1.5, "share": 0.5, "entropy": 0.01, "entropy_epochs": 1, "rule": rule}
    bench = Bench("pmr", modalities(3), pmr=settings)
    means = inner(bench, "pmr").prototypes.means
    losses = []
    for epoch in (0, 1):
        inner(bench, "pmr").epoch = epoch
        forward = bench.look_back().forward
        losses.append(float(torch.as_tensor(bench.modulator.loss(forward)).detach()))
    probabilities = {
        m: [
            [math.exp(-float((h - c).norm())) for c in means[m]]
            for h in forward.features[m].detach().double()
        ]
        for m in bench.names
    }
    p = {
        m: [[value / sum(row) for value in row] for row in rows]
        for m, rows in probabilities.items()
    }
    labels = forward.labels.tolist()
    s = {m: sum(row[y] for row, y in zip(p[m], labels, strict=True)) for m in bench.names}
    expected, held_back = 0.0, 0.0
    for m in bench.names:
        others = [j for j in bench.names if j != m]
        slow = sum(s[j] / s[m] for j in others) / len(others) - 1
        fast = sum(s[m] / s[j] for j in others) / len(others) - 1
        slow, fast = (
            (min(max(v, 0), 1) if rule == "paper" else float(v > 0)) for v in (slow, fast)
        )
        expected += (
            1.5
            * slow
            * sum(-math.log(row[y]) for row, y in zip(p[m], labels, strict=True))
            / len(labels)
        )
        held_back += 0.01 * fast * sum(-v * math.log(v) for row in p[m] for v in row) / len(labels)
    assert losses == pytest.approx([expected - held_back, expected], rel=1e-4)
    assert held_back > 1e-4 and expected > 1e-3, "the test sees nothing"


def test_pmr_draws_another_part_of_the_data_each_epoch_and_moves_no_other_stream() -> None:
    bench = Bench("pmr", AV, pmr={"share": 0.4, "momentum": 0.0})
    before = (
        torch.get_rng_state(),
        bench.components.method_generator.get_state(),
        bench.components.batches.generator.get_state(),
    )
    found = []
    for epoch in (1, 2):
        bench.modulator.begin_epoch(epoch)
        found.append(inner(bench, "pmr").prototypes.means["audio"].clone())
    assert not torch.equal(found[0], found[1])
    after = (
        torch.get_rng_state(),
        bench.components.method_generator.get_state(),
        bench.components.batches.generator.get_state(),
    )
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


# -- G-Blending ----------------------------------------------------------------------


def test_the_weights_of_g_blending() -> None:
    assert blend_weights(doubles(0.3, 0.2, 0.35), doubles(0.1, 0.2, 0.15)).tolist() == near(
        [0.593407, 0.098901, 0.307692]
    )


def test_blend_weights_stay_finite() -> None:
    """No over-fitting at all is not an infinite weight; a loss that harms gets none; where all harm, all weigh the same."""
    found = blend_weights(doubles(0.1, 0.1, -0.5), doubles(0.0, 0.1, 0.0))
    assert found.tolist() == near([100 / 101, 1 / 101, 0])
    assert blend_weights(doubles(-0.1, -0.2, 0.0), doubles(0.0, 0.1, 0.2)).tolist() == near(
        [1 / 3, 1 / 3, 1 / 3]
    )


def losses_by_loops(bench: Bench, model: Any, split: str) -> list[float]:
    totals = [0.0] * (1 + len(bench.names))
    part = bench.components.data.splits[split]
    with torch.no_grad():
        for batch in in_order(part, 5, torch.device("cpu")):
            forward = model.eval()(batch)
            for k, logits in enumerate((forward.logits, *forward.unimodal_logits.values())):
                totals[k] += float(
                    functional.cross_entropy(logits, batch.labels, reduction="sum")
                ) / len(part)
    return totals


def test_g_blending_is_its_slow_twin() -> None:
    """One copy for each loss, each trained from the same weights by plain SGD, over the order that the method drew."""
    from asgml.core.data.batches import take
    from asgml.core.seeds import seed_for

    bench = Bench("g_blending", AV, begun=False, g_blending={"measure_epochs": 2})
    context = inner(bench, "g_blending").context
    before = weights(bench.trainer)
    states = (
        torch.get_rng_state(),
        bench.components.method_generator.get_state(),
        bench.components.batches.generator.get_state(),
    )
    found = measure(context, 3, 2)
    assert_same_bits(weights(bench.trainer), before)
    assert bench.model.training and not gradients(bench.model)
    after = (
        torch.get_rng_state(),
        bench.components.method_generator.get_state(),
        bench.components.batches.generator.get_state(),
    )
    assert all(torch.equal(a, b) for a, b in zip(states, after, strict=True))
    start = {
        split: losses_by_loops(bench, copy.deepcopy(bench.model), split)
        for split in ("train", "val")
    }
    raw = []
    for k in range(3):
        trained, generator = (
            copy.deepcopy(bench.model),
            torch.Generator().manual_seed(seed_for("g_blending/3", 0)),
        )
        optimizer = torch.optim.SGD(trained.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
        train_split = bench.components.data.splits["train"]
        for _ in range(2):
            for indices in torch.randperm(29, generator=generator).split(8):
                batch = take(train_split, indices, torch.device("cpu"))
                forward = trained.train()(batch)
                loss = functional.cross_entropy(
                    [forward.logits, *forward.unimodal_logits.values()][k], batch.labels
                )
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
        ends = {split: losses_by_loops(bench, trained, split)[k] for split in ("train", "val")}
        gain = max(start["val"][k] - ends["val"], 0)
        overfitting = (ends["val"] - ends["train"]) - (start["val"][k] - start["train"][k])
        raw.append(gain / max(abs(overfitting), 0.01) ** 2)
    assert found.tolist() == pytest.approx([value / sum(raw) for value in raw], rel=0.02)


def test_the_blended_loss_is_the_weighted_sum_and_the_task_loss_counts_in_it() -> None:
    bench = Bench("g_blending", ATV)
    forward = bench.look_back().forward
    w = inner(bench, "g_blending").weights
    assert float(w.sum()) == pytest.approx(1) and len(w) == 4
    losses = [
        float(functional.cross_entropy(z, forward.labels))
        for z in (forward.logits, *forward.unimodal_logits.values())
    ]
    whole = losses[0] + float(bench.modulator.loss(forward))
    assert whole == pytest.approx(
        sum(float(a) * b for a, b in zip(w, losses, strict=True)), rel=1e-5
    )
    readings = bench.modulate().readings
    assert [float(readings[f"loss_weight/{m}"]) for m in ATV] == pytest.approx(w[1:].tolist())


def test_g_blending_measures_once_in_a_super_epoch_however_often_it_is_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[int] = []

    def counted(context: Any, epoch: int, epochs: int) -> Tensor:
        measured.append(epoch)
        return doubles(0.5, 0.2, 0.3)

    monkeypatch.setattr("asgml.core.modulators.g_blending.measure", counted)
    bench = Bench("g_blending", AV, g_blending={"every": 3, "first_epoch": 2})
    for epoch in range(10):
        bench.modulator.begin_epoch(epoch)
        state = through_a_file(bench.modulator.state_dict())
        bench = Bench("g_blending", AV, begun=False, g_blending={"every": 3, "first_epoch": 2})
        bench.modulator.load_state_dict(state)
        assert bool(bench.modulator.loss(bench.look_back().forward)) == (epoch >= 2)
    assert measured == [2, 5, 8]


# -- re-learning ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "expected"),
    [(0.05, 0.148885), (0.1, 0.291313), (0.2, 0.537050), (0.4, 0.833655), (0.0, 0.0)],
)
def test_how_far_an_encoder_goes_back(gap: float, expected: float) -> None:
    assert reset_weight(gap, 3.0) == near(expected)


def test_purity_by_loops() -> None:
    generator = torch.Generator().manual_seed(1)
    assigned, labels = (
        torch.randint(4, (50,), generator=generator),
        torch.randint(3, (50,), generator=generator),
    )
    most = 0
    for cluster in range(4):
        inside = [int(y) for a, y in zip(assigned, labels, strict=True) if a == cluster]
        most += max(inside.count(k) for k in range(3))
    assert purity(assigned, labels) == near(most / 50)
    points = torch.cat([torch.zeros(10, 2), torch.ones(10, 2) * 9])
    halves = torch.arange(20) // 10
    assert cluster_purity(points, halves, 2, seed=0) == 1
    assert cluster_purity(points, torch.arange(20) % 2, 2, seed=0) == 0.5


def test_when_encoders_go_back() -> None:
    assert [epoch for epoch in range(100) if is_due(epoch, 20, 20, 3)] == [20, 40, 60]
    assert [epoch for epoch in range(20) if is_due(epoch, 0, 5, 2)] == [0, 5]
    assert not any(is_due(epoch, 3, 2, 0) for epoch in range(20))


def prepared_relearning(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Bench:
    """With purities 0.9 and 0.7 for audio, 0.6 and 0.6 for visual, training before validation."""
    purities = itertools.cycle([0.9, 0.7, 0.6, 0.6])
    monkeypatch.setattr(
        "asgml.core.modulators.relearning.cluster_purity", lambda *_: next(purities)
    )
    return Bench("relearning", AV, relearning={"start": 1, "every": 2, "times": 2, **settings})


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_only_the_over_fitted_encoder_goes_back(
    monkeypatch: pytest.MonkeyPatch, strength: float
) -> None:
    """Its parameters, by tanh(3 * 0.2); not batch norm's statistics, the other encoder or the head."""
    bench = prepared_relearning(monkeypatch, strength=strength)
    initial = weights(bench.trainer)
    bench.look_back()
    nudge(bench, 1.5)
    before = weights(bench.trainer)
    bench.modulator.begin_epoch(1)
    w = strength * math.tanh(0.6)
    own = {f"_encoders.0.{name}" for name, _ in bench.model.encoders["audio"].named_parameters()}
    for name, value in weights(bench.trainer).items():
        if name in own:
            torch.testing.assert_close(value, w * initial[name] + (1 - w) * before[name])
            assert not torch.equal(value, before[name]) or float(initial[name].abs().sum()) == 0
        else:
            assert torch.equal(value, before[name]), name
    readings = bench.modulate().readings
    assert {name: float(value) for name, value in readings.items()} == near(
        {"purity_gap/audio": 0.2, "purity_gap/visual": 0.0}
    )


def test_encoders_go_back_once_in_an_epoch_inside_the_window_and_not_after_the_last_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for settings, expected in [
        ({}, [1, 3]),
        ({"first_epoch": 2}, [3]),
        ({"last_epoch": 2}, [1]),
        ({"strength": 0}, []),
        ({"times": 9}, [1, 3, 5]),
    ]:
        bench = prepared_relearning(monkeypatch, **settings)
        moved = []
        for epoch in range(6):
            nudge(bench)
            before = weights(bench.trainer)
            for _ in range(2):  # told twice, as a resumed run may be
                bench.modulator.begin_epoch(epoch)
                now = weights(bench.trainer)
                moved += (
                    [epoch] if any(not torch.equal(now[name], before[name]) for name in now) else []
                )
                before = now
        assert moved == expected, settings


def test_relearning_refuses_a_split_that_cannot_be_clustered() -> None:
    with pytest.raises(MethodError, match=r"val split.*3 clusters, there are 2"):
        Bench("relearning", AV, data=small_data(AV, val=2))


# -- InfoReg -------------------------------------------------------------------------


def test_the_pull_of_inforeg() -> None:
    """On the modality ahead alone: scale * exp(beta * tanh(gap))."""
    assert pull_strengths(doubles(2.0, 1.5), 1.0, 0.95).tolist() == near(
        [0.95 * math.exp(math.tanh(0.5)), 0]
    )
    assert pull_strengths(doubles(1.0, 1.5), 2.0, 0.1).tolist() == near(
        [0, 0.1 * math.exp(2 * math.tanh(0.5))]
    )
    assert pull_strengths(doubles(1.0, 1.0), 1.0, 1.0).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("now", "before", "is_open"),
    [(1.0, 0.0, True), (1.0, 0.95, True), (1.0, 0.97, False), (1.0, 2.0, False), (0.0, 0.0, False)],
)
def test_the_prime_learning_window(now: float, before: float, is_open: bool) -> None:
    assert in_prime_window(doubles(now), doubles(before), 0.04).tolist() == [is_open]


def test_inforeg_pulls_the_modality_ahead_and_leaves_the_other_every_bit() -> None:
    bench = Bench("inforeg", AV, inforeg={"scale": 0.5, "beta": 0.7})
    start = {name: value.clone() for name, value in bench.model.named_parameters()}
    nudge(bench)
    backward = bench.look_back()
    before = gradients(bench.model)
    bench.apply(bench.modulator.modulate(backward))
    scores = []
    for m in AV:
        probabilities = backward.forward.unimodal_logits[m].detach().softmax(dim=1)
        scores.append(
            sum(float(p[y]) for p, y in zip(probabilities, backward.forward.labels, strict=True))
        )
    ahead = int(scores[1] > scores[0])
    pull = 0.5 * math.exp(0.7 * math.tanh(scores[ahead] - scores[1 - ahead]))
    for name, parameter in bench.model.named_parameters():
        assert parameter.grad is not None
        if name.startswith(f"_encoders.{ahead}."):
            torch.testing.assert_close(
                parameter.grad, before[name] + pull * (parameter.detach() - start[name])
            )
        else:
            assert torch.equal(parameter.grad, before[name]), name


def test_the_window_of_inforeg_follows_the_fisher_traces() -> None:
    """Steps whose squared norms sum to these traces; after the first two epochs the window is open where they grow by 4 %."""
    bench = Bench("inforeg", AV, begun=False)
    method = inner(bench, "inforeg")
    backward = bench.look_back()
    opened = []
    for epoch, (audio, visual) in enumerate(
        [(1.0, 1.0), (2.0, 1.01), (2.01, 5.0), (2.14, 5.1), (0.0, 0.0)]
    ):
        bench.modulator.begin_epoch(epoch)
        opened.append(method.window.tolist())
        norms = {
            "audio": torch.tensor(math.sqrt(audio / 2)),
            "visual": torch.tensor(math.sqrt(visual / 2)),
        }
        for _ in range(2):
            bench.modulator.modulate(type(backward)(backward.forward, backward.groups, norms))
    assert opened == [[True, True], [True, True], [True, False], [False, True], [True, False]]


@pytest.mark.parametrize("is_open", [True, False])
def test_inforeg_pulls_inside_the_window_only(is_open: bool) -> None:
    bench = Bench("inforeg", AV)
    inner(bench, "inforeg").window = torch.tensor([is_open, is_open])
    nudge(bench)
    backward = bench.look_back()
    before = gradients(bench.model)
    bench.apply(bench.modulator.modulate(backward))
    after = gradients(bench.model)
    assert all(torch.equal(after[name], before[name]) for name in before) == (not is_open)


@pytest.mark.parametrize("names", [("audio",), ATV], ids=len)
def test_inforeg_is_refused_where_it_is_not_defined(names: tuple[str, ...]) -> None:
    with pytest.raises(MethodError, match=f"two modalities, the data has {len(names)}"):
        Bench("inforeg", names)


# -- ASGML v1 ------------------------------------------------------------------------


def test_the_learning_speeds_of_asgml_v1() -> None:
    assert relative([2, 1]) == near([1.333333, 0.666667])
    assert relative([0.3, 0.1]) == near([1.5, 0.5])
    speeds = learning_speeds([2, 1], [0.3, 0.1], 0.5)
    assert speeds == near([1.416667, 0.583333])
    taus = clamp([2 * s for s in speeds], 1, 8)
    assert taus == near([2.833333, 1.166667])
    assert periods(taus, 3) == [3, 1]


def masks(period: Sequence[int], phase: int = 0, steps: int = 6) -> list[str]:
    rows = [updates(t, period, phase) for t in range(steps)]
    return ["".join(str(int(row[i])) for row in rows) for i in range(len(period))]


def test_the_masks_of_asgml_v1() -> None:
    assert masks([3, 1]) == ["100100", "111111"]
    assert masks([2, 2]) == ["101010", "101010"]
    assert masks([2, 2], phase=1) == ["101010", "010101"], "a phase lets them take turns"
    assert masks([3, 3, 3], phase=1) == ["100100", "001001", "010010"]
    assert periods(clamp([3.6, 0.4], 1, 8), 3) == [3, 1]
    assert periods([8.0, 8.0], 3) == [8, 8]
    assert periods([2.5, 3.5, 0.2], 8) == [2, 4, 1], "halves go to the even neighbour"


def test_nothing_to_compare_means_equal_speeds() -> None:
    assert relative([0.0, 0.0]) == [1, 1]
    assert learning_speeds([0.0, 0.0], [0.0, 0.0], 0.5) == [1, 1]
    assert over_weakest([0.0, 3.0]) == [1, 1]
    assert over_weakest([3.0, 1.5]) == [2, 1]


@pytest.mark.parametrize(
    ("staleness", "expected"), [(0, 1), (1, 0.909091), (2, 0.833333), (4, 0.714286)]
)
def test_old_gradients_are_shortened(staleness: int, expected: float) -> None:
    """The quotient: the product of the design document would lengthen them."""
    assert staleness_factor(staleness, 0.1) == near(expected)


def test_equal_speeds_skip_the_same_steps(tmp_path: Path) -> None:
    """Why it does so little: both encoders stand still in every second step, and there is no difference between them."""
    _, run = train_small(
        tmp_path / "run", method="asgml_v1", optimizer={"weight_decay": 0, "momentum": 0}
    )
    gains = [run.column("steps", f"gain/{m}").tolist() for m in AV]
    assert gains[0] == gains[1] == [1.0, 0.0] * 6
    assert all(run.column("steps", f"tau/{m}").tolist() == [2.0] * 12 for m in AV)


def test_a_skipped_update_moves_no_encoder_but_the_fusion(tmp_path: Path) -> None:
    config = small_config(method="asgml_v1", epochs=1, optimizer={"weight_decay": 0, "momentum": 0})
    trainer = make_trainer(tmp_path / "run", small_data(), config)
    step, moved = trainer.step, []

    def watched(batch: Batch) -> Any:
        before = {
            name: parameter.detach().clone()
            for name, parameter in trainer.components.model.named_parameters()
        }
        forward = step(batch)
        changed = {
            name.split(".")[0]
            for name, p in trainer.components.model.named_parameters()
            if not torch.equal(p, before[name])
        }
        moved.append(changed)
        return forward

    trainer.step = watched  # type: ignore[method-assign]
    train(trainer)
    assert moved == [{"_encoders", "fusion"}, {"fusion"}] * 2


def test_the_signals_of_asgml_v1_by_hand() -> None:
    """Norms 2 and 1 held for three steps, own losses that fall by 0.3 and 0.1, utilizations 0.9 and 0.6."""
    for signal, is_relative, expected in [
        ("dual", True, [2 * (0.5 * 4 / 3 + 0.5 * 1.5), 2 * (0.5 * 2 / 3 + 0.5 * 0.5)]),
        ("probe", True, [2 * 0.9 / 0.75, 2 * 0.6 / 0.75]),
        ("both", True, [0.5 * 2 * (0.5 * 4 / 3 + 0.75) + 1, 0.5 * 2 * (1 / 3 + 0.25) + 2 / 3]),
        ("dual", False, [2, 1]),
        ("probe", False, [1.5, 1]),
        ("both", False, [1.75, 1]),
    ]:
        bench = Bench("asgml_v1", AV, asgml_v1={"signal": signal, "relative": is_relative})
        method = inner(bench, "asgml_v1")
        method.observe(reading({"audio": 0.9, "visual": 0.6}))
        for t in range(3):
            method.tracker.track(
                torch.tensor([2.0, 1.0]), torch.tensor([1.0 - 0.15 * t, 1.0 + 0.05 * t])
            )
        assert method.tracker.taus(method.options) == pytest.approx(
            [max(tau, 1) for tau in expected], rel=1e-5
        ), (signal, is_relative)


def test_close_probes_call_for_no_intervention() -> None:
    bench = Bench("asgml_v1", AV, asgml_v1={"signal": "probe"})
    tracker, options = inner(bench, "asgml_v1").tracker, inner(bench, "asgml_v1").options
    tracker.utilization = [0.69, 0.6]
    assert tracker.taus(options) == [1, 1]
    tracker.utilization = [0.71, 0.6]
    assert tracker.taus(options) != [1, 1]


def test_asgml_v1_tracks_the_gradients_that_are_used_by_loops() -> None:
    bench = Bench("asgml_v1", AV, asgml_v1={"eval_freq": 4, "soft_mask_scale": 0.5, "tau_max": 4})
    method = inner(bench, "asgml_v1")
    norms, losses, taus = {m: 0.0 for m in AV}, {m: [] for m in AV}, {m: 2.0 for m in AV}  # type: ignore[var-annotated]
    for t in range(12):
        backward = bench.look_back()
        rounded = {m: round(taus[m]) for m in AV}
        modulation = bench.modulator.modulate(backward)
        for m in AV:
            period = max(
                min(rounded[m], math.floor(3 * min(max(r, 1) for r in rounded.values()))), 1
            )
            gain = 1.0 if t % period == 0 else 0.5
            assert float(modulation.gain(m)) == gain, t
            norms[m] = 0.1 * gain * float(backward.norms[m]) + 0.9 * norms[m]
            losses[m].append(
                float(
                    functional.cross_entropy(
                        backward.forward.unimodal_logits[m], backward.forward.labels
                    )
                )
            )
        if (t + 1) % 4 == 0:
            descents = {m: abs(losses[m][-10:][0] - losses[m][-1]) for m in AV}
            for m in AV:
                g, d = (
                    norms[m] / (sum(norms.values()) / 2),
                    descents[m] / (sum(descents.values()) / 2),
                )
                taus[m] = min(max(2 * (0.5 * g + 0.5 * d), 1.0), 4.0)
        assert method.taus == pytest.approx([taus[m] for m in AV], rel=1e-3)
        nudge(bench, 1.05)
    assert round(taus["audio"]) != round(taus["visual"]), (
        "the speeds do not part: the test sees nothing"
    )


def test_the_own_loss_of_a_modality_that_is_skipped_is_dropped() -> None:
    bench = Bench("asgml_v1", AV, asgml_v1={"gamma": 0.7})
    method = inner(bench, "asgml_v1")
    forward = bench.look_back().forward
    own = {
        m: float(functional.cross_entropy(forward.unimodal_logits[m], forward.labels)) for m in AV
    }
    method.taus = [3.0, 1.0]
    for step, expected in [
        (0, own["audio"] + own["visual"]),
        (1, own["visual"]),
        (2, own["visual"]),
        (3, own["audio"] + own["visual"]),
    ]:
        method.tracker.step = step
        assert float(bench.modulator.loss(forward)) == pytest.approx(0.7 * expected, rel=1e-6)
    method.taus, method.tracker.step = [2.0, 2.0], 1
    assert bench.modulator.loss(forward) == 0.0


def test_staleness_uses_the_gradients_of_the_past() -> None:
    """audio of two steps ago (the oldest there is, at first), visual of this one; all own losses stay in."""
    bench = Bench("asgml_v1", AV, asgml_v1={"mode": "staleness", "gamma": 1.0})
    inner(bench, "asgml_v1").taus = [3.0, 1.0]
    past: list[dict[str, Tensor]] = []
    for t in range(5):
        backward = bench.look_back()
        past.append(gradients(bench.model))
        modulation = bench.modulator.modulate(backward)
        bench.apply(modulation)
        age = min(t, 2)
        assert (
            float(modulation.gain("audio")) == near(1 / (1 + 0.1 * age))
            and float(modulation.gain("visual")) == 1
        )
        now = gradients(bench.model)
        for name in now:
            expected = (
                past[t - age][name] / (1 + 0.1 * age)
                if name.startswith("_encoders.0.")
                else past[t][name]
            )
            torch.testing.assert_close(now[name], expected, rtol=1e-6, atol=0)
        assert not t or not torch.equal(
            past[t]["_encoders.0.network.0.weight"], past[t - 1]["_encoders.0.network.0.weight"]
        )
        own = [
            float(functional.cross_entropy(z, backward.forward.labels))
            for z in backward.forward.unimodal_logits.values()
        ]
        assert float(bench.modulator.loss(backward.forward)) == pytest.approx(sum(own), rel=1e-6)
        nudge(bench, 1.1)
    assert len(inner(bench, "asgml_v1").queues["audio"]) == 5


def test_the_queue_of_old_gradients_is_no_longer_than_the_largest_tau() -> None:
    bench = Bench("asgml_v1", AV, asgml_v1={"mode": "staleness", "tau_max": 3})
    for _ in range(6):
        bench.modulate()
    assert [len(queue) for queue in inner(bench, "asgml_v1").queues.values()] == [3, 3]


@pytest.mark.parametrize("signal", ["probe", "both"])
def test_asgml_v1_refuses_to_be_guided_by_probes_that_are_off(signal: str) -> None:
    with pytest.raises(MethodError, match=rf"signal={signal} needs the probes.*signal=dual"):
        Bench("asgml_v1", AV, probe={"enabled": False}, asgml_v1={"signal": signal})
    assert Bench("asgml_v1", AV, probe={"enabled": False}).modulate().acts


# -- resuming ------------------------------------------------------------------------

LIVELY: dict[str, dict[str, Any]] = {
    "agm": {},
    "mmpareto": {},
    "pmr": {"share": 0.4, "entropy": 0.01, "entropy_epochs": 2},
    "g_blending": {"every": 2, "measure_epochs": 1},
    "relearning": {"start": 1, "every": 1},
    "inforeg": {"threshold": -1.0},
    "asgml_v1": {"eval_freq": 3, "soft_mask_scale": 0.1},
    "asgml_v1 by staleness": {"eval_freq": 3, "mode": "staleness", "signal": "both", "phase": 1},
}
"""Settings with which each method acts, and keeps a state, within two epochs of four steps."""


class Killed(Exception):
    """The trainer's process went away."""


def kill() -> None:
    raise Killed


@pytest.mark.parametrize(
    "how", ["stopped in mid-epoch", "stopped between epochs", "killed in mid-epoch"]
)
@pytest.mark.parametrize("case", LIVELY)
def test_a_resumed_training_is_the_uninterrupted_one_bit_for_bit(
    case: str, how: str, tmp_path: Path
) -> None:
    from core_kit import after_steps, assert_same_rows, resume_trainer

    method = case.split()[0]
    config = small_config(method=method, **{method: LIVELY[case]})
    whole, reference = train_small(tmp_path / "whole", method=method, **{method: LIVELY[case]})
    broken = make_trainer(tmp_path / "broken", small_data(), config)
    if how.startswith("stopped"):
        after_steps(broken, {6 if "mid" in how else 4: broken.components.command_handler.stop})
        train(broken)
    else:
        after_steps(broken, {6: kill})
        with pytest.raises(Killed):
            train(broken)
    resumed = resume_trainer(tmp_path / "broken", small_data(), config)
    assert resumed.progress.step == (6 if how == "stopped in mid-epoch" else 4)
    run = train(resumed)
    assert_same_bits(weights(resumed), weights(whole))
    assert_same_rows(run, reference)


@pytest.mark.parametrize("case", LIVELY)
def test_being_told_of_an_epoch_twice_does_nothing_the_second_time(case: str) -> None:
    """Neither before a checkpoint nor after it."""
    method = case.split()[0]
    ours, once = (Bench(method, AV, **{method: LIVELY[case]}) for _ in range(2))
    theirs = Bench(method, AV, begun=False, **{method: LIVELY[case]})
    for bench in (ours, once):
        bench.modulate()
        nudge(bench, 1.3)
        bench.modulator.begin_epoch(1)
        nudge(bench)
    ours.modulator.begin_epoch(1)
    theirs.model.load_state_dict(once.model.state_dict())
    theirs.modulator.load_state_dict(through_a_file(once.modulator.state_dict()))
    theirs.modulator.begin_epoch(1)
    for bench in (ours, theirs):
        assert_same_bits(weights(bench.trainer), weights(once.trainer))
    expected = gradients_after_a_step(once)
    for bench in (ours, theirs):
        assert_same_bits(gradients_after_a_step(bench), expected)


def gradients_after_a_step(bench: Bench) -> dict[str, Tensor]:
    bench.apply(bench.modulate())
    return gradients(bench.model)


# -- measured data -------------------------------------------------------------------

FOLDER = Path(__file__).parents[4] / "shared" / "data"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ravdess.npz", "mosi.npz", "mfeat.npz"])
@pytest.mark.parametrize("case", LIVELY)
def test_two_epochs_of_measured_data_without_nan(case: str, name: str, tmp_path: Path) -> None:
    """With the settings that make each method act so early; every sample, so also classes that a part of the data lacks."""
    from asgml.core.data.base import load_data

    if not (FOLDER / name).exists():
        pytest.skip(f"no {name} beside the repository")
    data, method = load_data(str(FOLDER / name), {}, 0), case.split()[0]
    if METHODS[method].modalities not in (None, len(data.modalities)):
        pytest.skip(f"{method} is not defined for {len(data.modalities)} modalities")
    config = small_config(
        method=method, epochs=2, batch_size=64, optimizer={"lr": 0.01}, **{method: LIVELY[case]}
    )
    trainer = make_trainer(tmp_path / "run", data, config)
    run = train(trainer)
    for column in (
        "loss",
        "task_loss",
        *(f"{metric}/{m}" for metric in ("gain", "grad_norm_after") for m in data.modalities),
    ):
        assert np.isfinite(run.column("steps", column)).all(), column
    assert all(
        bool(parameter.isfinite().all()) for parameter in trainer.components.model.parameters()
    )
