"""ARL: shares of the paper and of the released code, ablation, start epoch, refusals."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from core_kit import Bench, modalities
from methods_kit import AV, doubles, inner, near
from torch import Tensor

from asgml.core.measures.unimodal import mean_entropy
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.arl import code_shares, paper_shares


def test_the_shares_of_arl() -> None:
    assert paper_shares(doubles(1.0, 1.4), doubles(0.55, 0.45), 8.0).tolist() == near(
        [0.805687, 0.194313]
    )


def test_the_shares_of_the_released_script_by_loops() -> None:
    entropies, dependence = [0.2, 1.6], [0.55, 0.45]
    clamped = [max(value / sum(entropies), 0.3) for value in entropies]
    inverse = [1 / value for value in clamped]
    q = [value / sum(inverse) for value in inverse]
    terms = [math.exp(8 * dependence[1] * q[0]), math.exp(8 * dependence[0] * q[1])]
    assert code_shares(doubles(*entropies), doubles(*dependence), 8.0).tolist() == near(
        [term / sum(terms) for term in terms]
    )


def test_the_entropy_of_arl_by_loops() -> None:
    logits = torch.tensor([[[2.0, 0, -1], [0, 0, 0]], [[1e4, 0, 0], [0, 1e4, 0]]])
    slow = []
    for modality in logits.tolist():
        total = 0.0
        for row in modality:
            terms = [math.exp(value - max(row)) for value in row]
            total -= sum(t / sum(terms) * math.log(t / sum(terms)) for t in terms if t > 0)
        slow.append(total / 2)
    assert mean_entropy(logits).tolist() == pytest.approx(slow, abs=1e-6)


def test_arl_zeroes_the_other_features() -> None:
    bench = Bench("arl", AV)
    forward = bench.look_back().forward
    inner: Any = bench.modulator.members["arl"].inner
    weight, bias = bench.model.fusion.classifier.weight, bench.model.fusion.classifier.bias
    width = forward.features["audio"].shape[1]
    audio, visual = inner.ablated_logits(forward)
    torch.testing.assert_close(audio, forward.features["audio"] @ weight[:, :width].T + bias)
    torch.testing.assert_close(visual, forward.features["visual"] @ weight[:, width:].T + bias)


@pytest.mark.parametrize("variant", ["code", "paper"])
def test_arl_starts_after_epoch_five_and_never_slows(variant: str) -> None:
    """Up to the epoch of index 5 gains are 1 and gamma is 1; from 6 on gains add to 3."""
    bench = Bench("arl", AV, arl={"variant": variant})
    forward = bench.look_back().forward
    losses = []
    for epoch in range(9):
        bench.modulator.begin_epoch(epoch)
        gains = [float(bench.modulator.modulate(bench.look_back()).gain(m)) for m in AV]
        loss: Any = bench.modulator.loss(forward)
        losses.append(loss.item())
        if epoch <= 5:
            assert gains == [1, 1]
        else:
            assert sum(gains) == pytest.approx(3) and min(gains) >= 1
            assert (gains == [1.5, 1.5]) == (variant == "code")
    assert losses == pytest.approx([losses[0]] * 6 + [4 * losses[0]] * 3, rel=1e-6)


def softmax(numbers: list[float]) -> list[float]:
    terms = [math.exp(number - max(numbers)) for number in numbers]
    return [term / sum(terms) for term in terms]


def slow_shares(p: list[list[list[float]]]) -> list[float]:
    """Return a_m of the paper from the ablated logits p, with T = 8."""
    entropies, sizes = [], []
    for rows in p:
        entropies.append(-sum(x * math.log(x) for row in rows for x in softmax(row)) / len(rows))
        sizes.append(sum(abs(z) for row in rows for z in row))
    return softmax([8 * entropies[1] / entropies[0], 8 * sizes[0] / sizes[1]])


def head(features: Tensor, block: Tensor, bias: Tensor) -> list[list[float]]:
    """Return logits by loops."""
    return [
        [
            sum(w * x for w, x in zip(row, h, strict=True)) + b
            for row, b in zip(block.tolist(), bias.tolist(), strict=True)
        ]
        for h in features.double().tolist()
    ]


@pytest.mark.parametrize("variant", ["code", "paper"])
@pytest.mark.parametrize("epoch", [5, 6])
def test_the_gradients_of_arl_by_loops(variant: str, epoch: int) -> None:
    """The gradient of the features by hand, scaled where it leaves the encoder, as released."""
    bench = Bench("arl", AV, arl={"variant": variant})
    bench.modulator.begin_epoch(epoch)
    features = bench.model.encode(bench.batch.inputs)
    weight, bias = (p.detach().double() for p in bench.model.fusion.classifier.parameters())
    blocks = weight.split([features[m].shape[1] for m in AV], dim=1)
    p = [head(features[m], block, bias) for m, block in zip(AV, blocks, strict=True)]
    z = head(torch.cat([features[m] for m in AV], dim=1), weight, bias)
    gamma, factors = 1, [1.0, 1.0]
    if epoch == 6:
        shares = [0.5, 0.5] if variant == "code" else slow_shares(p)
        gamma, factors = 4, [1 + share for share in shares]
    bench.apply(bench.modulate())
    for m, alone, block, factor in zip(AV, p, blocks, factors, strict=True):
        rows = []
        for joint, single, y in zip(z, alone, bench.batch.labels.tolist(), strict=True):
            both = zip(softmax(joint), softmax(single), strict=True)
            errors = [j + gamma * u - (1 + gamma) * (k == y) for k, (j, u) in enumerate(both)]
            columns = zip(*block.tolist(), strict=True)
            rows.append(
                [
                    factor / len(z) * sum(e * w for e, w in zip(errors, column, strict=True))
                    for column in columns
                ]
            )
        parameters = list(bench.model.encoders[m].parameters())
        expected = torch.autograd.grad(features[m], parameters, torch.tensor(rows))
        for parameter, gradient in zip(parameters, expected, strict=True):
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


def test_the_weights_follow_the_variant_unless_they_are_chosen() -> None:
    def rule(**settings: str) -> str:
        return str(inner(Bench("arl", AV, arl=settings), "arl").rule)

    assert rule() == rule(variant="code") == "even", "the released script is the default"
    assert rule(variant="paper") == "paper"
    for chosen in ("paper", "code", "even"):
        assert {rule(variant=each, weights=chosen) for each in ("paper", "code")} == {chosen}


@pytest.mark.parametrize("weights", ["paper", "code"])
@pytest.mark.parametrize("loudness", [0.0, 1e4])
def test_the_shares_are_finite_where_logits_are_nothing_or_certain(
    weights: str, loudness: float
) -> None:
    bench = Bench("arl", AV, arl={"weights": weights, "start_epoch": -1})
    with torch.no_grad():
        for parameter in bench.model.fusion.parameters():
            parameter.mul_(loudness)
    gains = [float(bench.modulate().gain(m)) for m in AV]
    assert sum(gains) == pytest.approx(3) and min(gains) >= 1


def test_arl_is_refused_where_it_is_not_defined() -> None:
    with pytest.raises(MethodError, match="two modalities, this data has 3"):
        Bench("arl", modalities(3))
