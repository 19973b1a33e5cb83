"""ARL: shares of the paper and of the released code, ablation, start epoch, refusals."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from core_kit import Bench, modalities
from methods_kit import AV, doubles, near

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
    bench = Bench("arl", AV, arl={"start_epoch": 0})
    forward = bench.look_back().forward
    inner: Any = bench.modulator.members["arl"].inner
    weight, bias = bench.model.fusion.classifier.weight, bench.model.fusion.classifier.bias
    width = forward.features["audio"].shape[1]
    audio, visual = inner.ablated_logits(forward)
    torch.testing.assert_close(audio, forward.features["audio"] @ weight[:, :width].T + bias)
    torch.testing.assert_close(visual, forward.features["visual"] @ weight[:, width:].T + bias)


def test_arl_starts_late_and_never_slows() -> None:
    bench = Bench("arl", AV)
    forward = bench.look_back().forward
    losses = []
    for epoch in range(7):
        bench.modulator.begin_epoch(epoch)
        gains = [float(bench.modulator.modulate(bench.look_back()).gain(m)) for m in AV]
        loss: Any = bench.modulator.loss(forward)
        losses.append(loss.item())
        assert sum(gains) == pytest.approx(3) and min(gains) >= 1
        assert (gains == [1.5, 1.5]) == (epoch < 5)
    assert losses[5] == pytest.approx(4 * losses[4], rel=1e-6)


@pytest.mark.parametrize("count", [1, 3])
def test_arl_is_refused_where_it_is_not_defined(count: int) -> None:
    with pytest.raises(MethodError, match=f"two modalities, this data has {count}"):
        Bench("arl", modalities(count))
