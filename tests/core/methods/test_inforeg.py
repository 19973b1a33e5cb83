"""InfoReg: the pull on the modality ahead, the prime learning window, refusals."""

from __future__ import annotations

import math

import pytest
import torch
from core_kit import Bench, gradients
from methods_kit import ATV, AV, doubles, inner, near, nudge

from asgml.core.methods.spec import MethodError
from asgml.core.modulators.inforeg import in_prime_window, pull_strengths


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
    """Squared norms sum to these traces; from epoch 2 the window is open where they grow by 4 %."""
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
