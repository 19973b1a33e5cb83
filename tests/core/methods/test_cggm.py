"""CGGM: gains from classifier accuracies, the direction term, the fusions it needs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core_kit import Bench, assert_same_bits, gradients, modalities
from methods_kit import AV, doubles, near

from asgml.core.methods.spec import MethodError
from asgml.core.modulators.cggm import balance, direction_loss


def test_the_balance_of_cggm() -> None:
    three = balance(doubles(0.05, 0.01, -0.02))
    assert three.tolist() == near([-0.25, 0.75, 1.5])
    assert (1.3 * three).tolist() == near([-0.325, 0.975, 1.95])
    assert (1.3 * balance(doubles(0.04, 0.01))).tolist() == near([0.26, 1.04])
    assert (1.3 * balance(doubles(0.04, -0.0399))).tolist() == pytest.approx(
        [-518.6, 519.9], abs=0.06
    )


def test_the_gains_of_cggm_are_clipped() -> None:
    """Without bounds they would be -0.325, 0.975 and 1.95."""
    bench = Bench("cggm", modalities(3), cggm={"clamp": 1.5})
    backward = bench.look_back()
    inner: Any = bench.modulator.members["cggm"].inner
    inner._train = lambda forward: torch.tensor([0.05, 0.01, -0.02])
    modulation = inner.modulate(backward)  # once: a second time no classifier would have improved
    assert [float(modulation.gain(m)) for m in bench.names] == pytest.approx(
        [0, 0.975, 1.5], abs=1e-5
    )


def test_the_direction_term_by_loops() -> None:
    b, cosines = [0.3, 1.2, 0.0], [0.5, -0.2, 0.9]
    slow = (sum(abs(x) for x in b) - sum(x * c for x, c in zip(b, cosines, strict=True))) / 3
    assert float(direction_loss(doubles(*b), doubles(*cosines))) == pytest.approx(slow)


def test_cggm_over_steps_by_loops() -> None:
    """Clamped gains from the classifiers' accuracies; these learn, the encoders do not."""
    bench = Bench(
        "cggm", modalities(3), cggm={"rho": 1.3, "clamp": 2.0, "ema": 0.5, "classifier_lr": 0.05}
    )
    inner: Any = bench.modulator.members["cggm"].inner
    smoothed = [0.0, 0.0, 0.0]
    for _ in range(6):
        backward = bench.look_back()
        accuracies = []
        for m in bench.names:
            predicted = inner.classifiers[m](backward.forward.features[m].detach()).argmax(dim=1)
            accuracies.append(
                sum(
                    int(a) == int(b)
                    for a, b in zip(predicted, backward.forward.labels, strict=True)
                )
                / 6
            )
        newest = [0.5 * a + 0.5 * s for a, s in zip(accuracies, smoothed, strict=True)]
        change = [n - s for n, s in zip(newest, smoothed, strict=True)]
        total, smoothed = sum(change) + 1e-8, newest
        raw = [1.3 * (total - d) / total for d in change]
        before = gradients(bench.model)
        modulation = bench.modulator.modulate(backward)
        assert_same_bits(gradients(bench.model), before)
        if abs(total) > 1e-3:  # nearer to 0 the two kinds of arithmetic differ
            expected = [min(max(value, 0.0), 2.0) for value in raw]
            assert [float(modulation.gain(m)) for m in bench.names] == pytest.approx(
                expected, rel=1e-3, abs=1e-3
            )
    assert min(accuracies) > 0.9, "the classifiers did not learn"


def test_the_direction_term_reaches_the_output_layer_alone() -> None:
    bench = Bench("cggm", AV, fusion={"hidden": 7})
    bench.modulate()
    forward = bench.look_back().forward
    bench.components.optimizer.zero_grad(set_to_none=True)
    loss: Any = bench.modulator.loss(forward)
    loss.backward()
    assert list(gradients(bench.model)) == ["fusion.classifier.weight"]


def test_cggm_needs_an_output_layer_for_its_direction() -> None:
    with pytest.raises(MethodError, match=r"one output layer.*fusion\.kind=concat"):
        Bench("cggm", AV, fusion={"kind": "sum"})
    assert Bench("cggm", AV, fusion={"kind": "sum"}, cggm={"direction": False}).modulate().acts
    assert Bench("cggm", AV, fusion={"alone": "heads"}, loss={"gamma": 1.0}).modulate().acts
