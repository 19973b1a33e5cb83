"""PMR: rebalance weights, prototypes, its loss by loops, unseen classes."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from core_kit import Bench, modalities
from methods_kit import AV, doubles, inner, near

from asgml.core.modulators.pmr import Pmr, rebalance_weights
from asgml.core.modulators.prototypes import Prototypes, entropy


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
    """The means of 0.8/1.2 and 0.6/1.2, and so on, less 1, clamped to 0 … 1."""
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


def test_a_class_without_samples_is_left_out() -> None:
    """Its prototype would be 0/0: its samples are left out, the others compete without it."""
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


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        # The class means of the loops below: 1, 2, 4 and 8, and 3, 3, 5 and 5.
        ("code", [[1, 3], [2, 3], [0.8 * 4 + 0.2 * 2, 4.6], [0.8 * 8 + 0.2 * 3.6, 4.92]]),
        ("paper", [[1, 3], [1.8, 3], [0.8 * 4 + 0.2 * 1.8, 4.6], [0.8 * 8 + 0.2 * 3.56, 4.92]]),
    ],
)
def test_the_prototypes_of_four_epochs(variant: str, expected: list[list[float]]) -> None:
    """The released script makes those of epochs 0 and 1 without momentum."""
    labels = torch.tensor([0, 0, 1])
    epochs = [[0.0, 2, 3], [1, 3, 3], [3, 5, 5], [7, 9, 5]]
    made = Pmr(("audio",), {"variant": variant, "momentum": 0.2, "share": 1.0})
    for epoch, values in enumerate(epochs):
        features = {"audio": torch.tensor(values).unsqueeze(1)}
        made.context = SimpleNamespace(  # type: ignore[assignment]
            data=SimpleNamespace(splits={"train": labels}),
            config=SimpleNamespace(seed=0),
            classes=2,
            features=lambda *_, found=features: (found, labels),
        )
        made.before_epoch(epoch, 1.0)
        assert made.prototypes.means["audio"].flatten().tolist() == near(expected[epoch])


def test_the_weights_follow_the_variant_unless_they_are_chosen() -> None:
    rules = {
        (variant, rule): inner(Bench("pmr", AV, pmr={"variant": variant, "rule": rule}), "pmr").rule
        for variant in ("paper", "code")
        for rule in ("variant", "paper", "code")
    }
    assert all(found == (v if rule == "variant" else rule) for (v, rule), found in rules.items())
    assert inner(Bench("pmr", AV), "pmr").rule == "code", "the released script is the default"


@pytest.mark.parametrize("rule", ["paper", "code"])
def test_the_loss_of_pmr_by_loops(rule: str) -> None:
    settings = {"alpha": 1.5, "share": 0.5, "entropy": 0.01, "entropy_epochs": 1, "variant": rule}
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
        bench.balancing.method_generator.get_state(),
        bench.components.batches.generator.get_state(),
    )
    found = []
    for epoch in (1, 2):
        bench.modulator.begin_epoch(epoch)
        found.append(inner(bench, "pmr").prototypes.means["audio"].clone())
    assert not torch.equal(found[0], found[1])
    after = (
        torch.get_rng_state(),
        bench.balancing.method_generator.get_state(),
        bench.components.batches.generator.get_state(),
    )
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
