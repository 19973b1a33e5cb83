"""Slow twins: the core's tensor arithmetic written once more as plain loops over numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from core_kit import Bench, modalities, seeded, small_data
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from asgml.core.measures.gradients import encoder_norms
from asgml.core.measures.probes import Probes
from asgml.core.measures.unimodal import cross_entropies, discrepancy_ratio, true_class_scores
from asgml.core.model.fusion.base import Fusion
from asgml.core.model.fusion.build import make_fusion
from asgml.core.model.fusion.linear import Concat
from asgml.core.modulators.apply import NOISE_FLOOR, apply
from asgml.core.modulators.boost_scheduler import BoostScheduler, boost_targets
from asgml.core.modulators.modulation import Modulation
from asgml.core.modulators.unimodal_loss import UnimodalLoss
from asgml.core.types import Batch, Forward, ParameterGroup

NAMES = ("audio", "visual", "text")


def probability(logits: list[float], label: int) -> float:
    """Return the softmax of one sample at one class."""
    highest = max(logits)
    return math.exp(logits[label] - highest) / sum(math.exp(logit - highest) for logit in logits)


def random_forward(
    seed: int, names: tuple[str, ...] = NAMES, samples: int = 7, classes: int = 4
) -> Forward:
    generator = seeded(seed)
    labels = torch.randint(classes, (samples,), generator=generator)
    unimodal = {m: 3 * torch.randn(samples, classes, generator=generator) for m in names}
    fused = sum(unimodal.values(), torch.zeros(()))
    return Forward(Batch({}, labels), {}, fused, unimodal, labels)


# -- OGM -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_true_class_scores(seed: int) -> None:
    forward = random_forward(seed)
    slow = []
    for logits in forward.unimodal_logits.values():
        score = 0.0
        for row, label in zip(logits.tolist(), forward.labels.tolist(), strict=True):
            score += probability(row, label)
        slow.append(score)
    assert true_class_scores(forward).tolist() == pytest.approx(slow, rel=1e-5)


@settings(max_examples=50, deadline=None)
@given(scores=st.lists(st.floats(0.01, 64), min_size=2, max_size=6))
def test_discrepancy_ratio(scores: list[float]) -> None:
    slow = []
    for i, score in enumerate(scores):
        ratios = [score / other for j, other in enumerate(scores) if j != i]
        slow.append(sum(ratios) / len(ratios))
    fast = discrepancy_ratio(torch.tensor(scores, dtype=torch.float64))
    assert fast.tolist() == pytest.approx(slow, rel=1e-9)


def test_scores_do_not_lose_digits_in_half_precision() -> None:
    forward = random_forward(0)
    logits = {m: z.bfloat16() for m, z in forward.unimodal_logits.items()}
    half = Forward(forward.batch, {}, forward.logits, logits, forward.labels)
    assert true_class_scores(half).dtype == torch.float32


# -- fusion --------------------------------------------------------------------------


def slow_unimodal_logits(
    fusion: Concat, features: Mapping[str, Tensor]
) -> dict[str, list[list[float]]]:
    """Return the layers' outputs for one block of the joined vector and zeros, bias shared."""
    layers = [layer for layer in (fusion.first, fusion.classifier) if layer is not None]
    biases = run_layers(layers, [0.0] * sum(fusion.widths.values()))
    found = {}
    for m in fusion.widths:
        rows = []
        for sample in range(len(features[m])):
            joined = [
                value if other == m else 0.0
                for other in fusion.widths
                for value in features[other][sample].tolist()
            ]
            outputs = zip(run_layers(layers, joined), biases, strict=True)
            rows.append([z - bias + bias / len(fusion.widths) for z, bias in outputs])
        found[m] = rows
    return found


def run_layers(layers: list[torch.nn.Linear], values: list[float]) -> list[float]:
    for layer in layers:
        weight, bias = layer.weight.tolist(), layer.bias.tolist()
        values = [
            sum(w * v for w, v in zip(row, values, strict=True)) + b
            for row, b in zip(weight, bias, strict=True)
        ]
    return values


def random_fusion(
    kind: str, hidden: int, widths: Mapping[str, int], *, unimodal: str = "split"
) -> Fusion:
    torch.manual_seed(hidden)
    fusion = make_fusion(kind, hidden, unimodal, widths, 4)
    for parameter in fusion.parameters():  # biases begin as zeros, which would hide a wrong share
        torch.nn.init.normal_(parameter, std=0.3)
    return fusion


def random_features(widths: Mapping[str, int], samples: int = 3) -> dict[str, Tensor]:
    generator = seeded(5)
    return {m: torch.randn(samples, width, generator=generator) for m, width in widths.items()}


WIDTHS = {"audio": 5, "visual": 3, "text": 4}


@pytest.mark.parametrize("hidden", [0, 6])
def test_unimodal_logits_of_stacked_layers(hidden: int) -> None:
    fusion = random_fusion("concat", hidden, WIDTHS)
    assert isinstance(fusion, Concat)
    features = random_features(WIDTHS)
    slow = slow_unimodal_logits(fusion, features)
    for m, logits in fusion.unimodal_logits(features).items():
        assert torch.allclose(logits, torch.tensor(slow[m]), atol=1e-5)


@pytest.mark.parametrize("count", [2, 3, 6])
@pytest.mark.parametrize(("kind", "hidden"), [("concat", 0), ("concat", 512), ("sum", 0)])
def test_unimodal_logits_add_up_to_the_fused_ones(kind: str, hidden: int, count: int) -> None:
    widths = {m: 20 + i for i, m in enumerate(modalities(count))}
    fusion, features = random_fusion(kind, hidden, widths), random_features(widths, samples=16)
    unimodal = fusion.unimodal_logits(features)
    total, fused = sum(unimodal.values(), torch.zeros(())), fusion.fuse(features)
    assert list(unimodal) == list(widths)
    assert torch.allclose(total, fused, atol=1e-5 * float(fused.detach().abs().max()))


def test_unimodal_logits_depend_on_one_modality_alone() -> None:
    for fusion in (
        random_fusion("concat", 6, WIDTHS),
        random_fusion("sum", 0, WIDTHS),
        random_fusion("concat", 6, WIDTHS, unimodal="heads"),
    ):
        features = random_features(WIDTHS)
        changed = {**features, "audio": features["audio"] + 1}
        before, after = fusion.unimodal_logits(features), fusion.unimodal_logits(changed)
        assert [torch.equal(before[m], after[m]) for m in WIDTHS] == [False, True, True]


# -- losses --------------------------------------------------------------------------


def slow_unimodal_losses(forward: Forward) -> list[float]:
    losses = []
    for logits in forward.unimodal_logits.values():
        surprises = [
            -math.log(probability(row, label))
            for row, label in zip(logits.tolist(), forward.labels.tolist(), strict=True)
        ]
        losses.append(sum(surprises) / len(surprises))
    return losses


@pytest.mark.parametrize("seed", range(3))
def test_cross_entropies(seed: int) -> None:
    forward = random_forward(seed)
    fast = cross_entropies(torch.stack(list(forward.unimodal_logits.values())), forward.labels)
    assert fast.tolist() == pytest.approx(slow_unimodal_losses(forward), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0])
def test_the_loss_of_the_unimodal_losses(gamma: float) -> None:
    forward = random_forward(1)
    fast = float(UnimodalLoss(NAMES, {"gamma": gamma}).loss(forward))
    assert fast == pytest.approx(gamma * sum(slow_unimodal_losses(forward)), rel=1e-5)


# -- gradients -----------------------------------------------------------------------


def slow_spread(values: list[float]) -> float:
    """Return the sample standard deviation, 0 of a single value."""
    if len(values) == 1:
        return 0.0
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))


def groups_of(
    sizes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]],
) -> dict[str, ParameterGroup]:
    """Return random gradients in float64: kernels and others of these sizes."""
    generator = seeded(3)

    def made(size: int) -> torch.nn.Parameter:
        parameter = torch.nn.Parameter(torch.zeros(size, dtype=torch.float64))
        parameter.grad = 2 * torch.randn(size, generator=generator, dtype=torch.float64)
        return parameter

    return {
        m: ParameterGroup(tuple(map(made, kernels)), tuple(map(made, others)))
        for m, (kernels, others) in sizes.items()
    }


def slow_apply(
    modulation: Modulation, groups: Mapping[str, ParameterGroup], generator: torch.Generator
) -> dict[str, list[list[float]]]:
    """Return the expected gradients, number by number.

    Noise is drawn for one modality and rule at a time, in order of their names.
    """
    before = {
        m: [gradient.tolist() for gradient in group.gradients("all")] for m, group in groups.items()
    }
    after = {
        m: [[value for value in gradient] for gradient in gradients]
        for m, gradients in before.items()
    }
    ruled = {
        (m, rule): range(len(group.gradients(rule)))
        for m, group in groups.items()
        for rule in ("kernels", "all")
    }
    for (m, rule), gain in modulation.gains.items():
        for i in ruled[m, rule]:
            after[m][i] = [float(gain) * value for value in after[m][i]]
    for m, rule in sorted(modulation.noise):
        count = sum(len(before[m][i]) for i in ruled[m, rule])
        drawn = iter(torch.randn(count, generator=generator, dtype=torch.float64).tolist())
        for i in ruled[m, rule]:
            spread = float(modulation.noise[m, rule]) * (slow_spread(before[m][i]) + NOISE_FLOOR)
            after[m][i] = [value + spread * next(drawn) for value in after[m][i]]
    return after


def test_apply() -> None:
    """Gains and noise of both rules, noise alone, nothing at all, a tensor of one number."""
    groups = groups_of({"audio": ((6, 9), (4, 1)), "visual": ((5,), (2,)), "text": ((3,), ())})
    modulation = Modulation(
        gains={
            ("visual", "all"): 1.5,
            ("audio", "kernels"): torch.tensor(0.3, dtype=torch.float64),
            ("audio", "all"): 2.0,
        },
        noise={("visual", "kernels"): 1.0, ("audio", "kernels"): 0.5, ("audio", "all"): 0.25},
    )
    expected = slow_apply(modulation, groups, seeded())
    apply(modulation, groups, seeded())
    for m, group in groups.items():
        for gradient, slow in zip(group.gradients("all"), expected[m], strict=True):
            assert gradient.tolist() == pytest.approx(slow, rel=1e-12)


def test_gradient_norm() -> None:
    for group in groups_of({"audio": ((6, 9), (4, 1)), "visual": ((5,), ())}).values():
        squares = 0.0
        for gradient in group.gradients("all"):
            for value in gradient.tolist():
                squares += value * value
        assert float(encoder_norms(group).total) == pytest.approx(math.sqrt(squares), rel=1e-12)


def test_gradient_norm_counts_all_of_an_encoder() -> None:
    """Kernels, biases and batch norm, whatever a method modulates."""
    bench = Bench("baseline", modalities(3))
    backward = bench.look_back()
    for m, encoder in bench.model.encoders.items():
        squares = sum(
            float(parameter.grad.double().pow(2).sum())
            for parameter in encoder.parameters()
            if parameter.grad is not None
        )
        assert float(backward.norms[m]) == pytest.approx(math.sqrt(squares), rel=1e-5)


# -- the boost -----------------------------------------------------------------------


class ListedScheduler:
    """The boost as the document of ASGML v2 lists it: the scales themselves are smoothed."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.current = dict.fromkeys(names, 1.0)

    def get_continuous_scales(
        self, scores: Mapping[str, float], alpha: float, scale_max: float
    ) -> dict[str, float]:
        max_score = max(scores.values())
        min_score = min(scores.values())
        gap = max_score - min_score
        if gap < 1e-8:
            return dict.fromkeys(scores, 1.0)
        scales = {}
        for m in scores:
            rel_weakness = 1.0 - (scores[m] - min_score) / gap
            scales[m] = min(1.0 + alpha * rel_weakness, scale_max)
        return scales

    def update_continuous_scales(self, scales: Mapping[str, float], ema_alpha: float) -> None:
        for m in scales:
            self.current[m] = ema_alpha * scales[m] + (1 - ema_alpha) * self.current[m]


@settings(max_examples=100, deadline=None)
@given(
    sequence=st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=20),
    alpha=st.floats(0, 1.5),
    scale_max=st.floats(1, 3),
    ema_alpha=st.floats(0.01, 1),
)
def test_boost_scheduler(
    sequence: list[tuple[float, ...]], alpha: float, scale_max: float, ema_alpha: float
) -> None:
    """While no knob changes, also where scale_max cuts the scales off."""
    ours, theirs = BoostScheduler(NAMES), ListedScheduler(NAMES)
    for scores in sequence:
        utilization = dict(zip(NAMES, scores, strict=True))
        ours.update(utilization, alpha=alpha, scale_max=scale_max, ema_alpha=ema_alpha)
        targets = theirs.get_continuous_scales(utilization, alpha, scale_max)
        theirs.update_continuous_scales(targets, ema_alpha)
        assert ours.target == pytest.approx(targets, abs=1e-12)
        assert boost_targets(utilization, alpha, scale_max) == pytest.approx(targets, abs=1e-12)
        assert ours.scales(alpha, scale_max) == pytest.approx(theirs.current, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(
    sequence=st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1.5), st.floats(1, 3)),
        min_size=1,
        max_size=20,
    ),
)
def test_boost_scales_stay_in_range_while_the_knobs_change(
    sequence: list[tuple[float, float, float, float]],
) -> None:
    scheduler = BoostScheduler(("audio", "visual"))
    for audio, visual, alpha, scale_max in sequence:
        scheduler.update(
            {"audio": audio, "visual": visual}, alpha=alpha, scale_max=scale_max, ema_alpha=0.3
        )
        assert all(
            1 <= scale <= min(1 + alpha, scale_max) + 1e-12
            for scale in scheduler.scales(alpha, scale_max).values()
        )


# -- probes --------------------------------------------------------------------------


def test_a_linear_probe_learns_what_logistic_regression_learns() -> None:
    from sklearn.linear_model import LogisticRegression

    data = small_data(("thermal",), classes=4, train=600, test=600, seed=2).splits
    train, test = data["train"], data["test"]
    inputs, unseen = (split.inputs["thermal"].double().numpy() for split in (train, test))
    reference = LogisticRegression(C=1e4, max_iter=2000).fit(inputs, train.labels.numpy())
    expected = float(np.mean(reference.predict(unseen) == test.labels.numpy()))
    probes = Probes({"thermal": 6}, 4, kind="linear", lr=0.02, device=torch.device("cpu"), seed=0)
    probes.read(train.inputs, train.labels, train_steps=400, split_batch=False)
    accuracy, loss = probes.score("thermal", test.inputs["thermal"], test.labels)
    assert 0.5 < expected < 0.98, "too easy or too hard to tell anything"
    assert accuracy == pytest.approx(expected, abs=0.02)
    certain = reference.predict_proba(unseen)[np.arange(600), test.labels.numpy()]
    assert loss == pytest.approx(float(-np.log(certain).mean()), rel=0.05)


@pytest.mark.parametrize(("kind", "learns"), [("linear", False), ("mlp_1layer", True)])
def test_only_the_probe_with_a_hidden_layer_learns_exclusive_or(kind: str, learns: bool) -> None:
    inputs = torch.randn(400, 2, generator=seeded(1))
    labels = ((inputs[:, 0] > 0) ^ (inputs[:, 1] > 0)).long()
    probes = Probes({"thermal": 2}, 2, kind=kind, lr=0.02, device=torch.device("cpu"), seed=0)
    reading = probes.read({"thermal": inputs}, labels, train_steps=100)
    assert (reading.accuracy["thermal"] > 0.9) == learns


def test_a_linear_probe_takes_the_steps_of_adam() -> None:
    """Ten steps of Adam on cross-entropy, written out."""
    split = small_data(("thermal",), train=16).splits["train"]
    probes = Probes({"thermal": 6}, 3, kind="linear", lr=0.01, device=torch.device("cpu"), seed=0)
    start = probes.networks["thermal"].state_dict()
    values = {name: tensor.double().numpy().copy() for name, tensor in start.items()}
    probes.read(split.inputs, split.labels, train_steps=10)
    inputs, labels = split.inputs["thermal"][:8].double().numpy(), split.labels[:8].numpy()
    first, second = (
        {name: np.zeros_like(value) for name, value in values.items()} for _ in range(2)
    )
    for step in range(1, 11):
        logits = inputs @ values["weight"].T + values["bias"]
        chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        error = (chances - np.eye(3)[labels]) / len(labels)
        for name, gradient in {"weight": error.T @ inputs, "bias": error.sum(axis=0)}.items():
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.999 * second[name] + 0.001 * gradient**2
            mean, spread = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
            values[name] = values[name] - 0.01 * mean / (np.sqrt(spread) + 1e-8)
    for name, tensor in probes.networks["thermal"].state_dict().items():
        np.testing.assert_allclose(tensor.numpy(), values[name], atol=1e-5)
