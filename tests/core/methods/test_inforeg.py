"""InfoReg: the pull on the modality ahead, the prime learning window, refusals."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from core_kit import Bench, gradients, through_a_file
from methods_kit import ATV, AV, doubles, inner, near, nudge

from asgml.core.methods.spec import MethodError
from asgml.core.modulators.inforeg import in_prime_window, layer_means, pull_strengths

PAPER = {"variant": "paper", "threshold": 0.04}


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
    bench = Bench("inforeg", AV, inforeg={**PAPER, "scale": 0.5, "beta": 0.7})
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


def test_the_window_of_the_paper_follows_the_fisher_traces() -> None:
    """Squared norms sum to these traces; from epoch 2 the window is open where they grow by 4 %."""
    bench = Bench("inforeg", AV, begun=False, inforeg=PAPER)
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


def test_a_layer_counts_by_its_mean_and_biases_not_at_all() -> None:
    gradients = [doubles(3, 4).unsqueeze(1), doubles(100, 100), torch.ones(2, 1, 1, 1)]
    assert float(layer_means(gradients)) == near(25 / 2 + 1)
    assert float(layer_means([doubles(5)])) == 0


def released_script(bench: Bench) -> Callable[[int, float], tuple[bool, int]]:
    """Return an epoch of two steps of the released script, written down by loops.

    It steps through the bench with its method and compares gradients; it returns whether the window
    is open and the number of steps in which audio is ahead.
    """
    encoders = [list(bench.model.encoders[m].parameters()) for m in AV]
    traces = [0.0] * 10

    def epoch(number: int, loudness: float) -> tuple[bool, int]:
        new, old = sum(traces[-10:]) / 10, sum(traces[-11:-1]) / 10
        growth = 1.0 if number == 0 else (new - old) / new
        bench.modulator.begin_epoch(number)
        start = [[p.detach().double() for p in encoder] for encoder in encoders]
        trace, led = 0.0, 0
        for _ in range(2):
            nudge(bench)
            backward = bench.look_back()
            for parameter in bench.model.parameters():
                assert parameter.grad is not None
                parameter.grad *= loudness
            logits = [backward.forward.unimodal_logits[m].detach().double() for m in AV]
            labels = backward.forward.labels.tolist()
            audio, visual = (
                sum(
                    math.exp(z[y]) / sum(map(math.exp, z))
                    for z, y in zip(each, labels, strict=True)
                )
                for each in ([row.tolist() for row in one] for one in logits)
            )
            pulls = [0.0, 0.0]
            if growth > 0.05 and audio > visual:
                pulls[0] = 0.95 * math.exp(math.tanh(audio - visual))
            elif growth > 0.05 and audio < visual:
                pulls[1] = 0.1 * math.exp(math.tanh(visual - audio))
            led += audio > visual
            expected = [
                [p.grad.double() + pull * (p.detach() - w) for p, w in zip(own, begun, strict=True)]
                for own, begun, pull in zip(encoders, start, pulls, strict=True)
            ]
            trace += sum(float((g * g).mean()) for g in expected[0] if g.dim() > 1)
            bench.apply(bench.modulator.modulate(backward))
            for own, wanted in zip(encoders, expected, strict=True):
                for parameter, gradient in zip(own, wanted, strict=True):
                    torch.testing.assert_close(
                        parameter.grad, gradient.float(), rtol=1e-5, atol=1e-7
                    )
        traces.append(trace)
        return growth > 0.05, led

    return epoch


def test_the_released_script_over_fourteen_epochs() -> None:
    """Audio's trace over ten epochs opens the window of both: in 0 to 10, and after a growth."""
    bench = Bench("inforeg", AV, begun=False)
    epoch, classifier = released_script(bench), bench.model.fusion.classifier
    opened, led = [], []
    for number in range(14):
        with torch.no_grad():
            classifier.weight[:, : bench.model.encoders["audio"].features] *= -1
        is_open, ahead = epoch(number, {0: 3.0, 11: 2.0, 12: 0.1}.get(number, 1.0))
        assert inner(bench, "inforeg").window.tolist() == [is_open, is_open]
        opened.append(is_open)
        led.append(ahead)
    assert opened[:12] == [True] * 11 + [False]
    assert opened[12] and not opened[13]
    assert {0, 2} <= set(led), "each modality is ahead at times"


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


def test_inforeg_is_refused_where_it_is_not_defined() -> None:
    with pytest.raises(MethodError, match="two modalities, the data has 3"):
        Bench("inforeg", ATV)


def test_a_checkpoint_keeps_the_traces_of_ten_epochs() -> None:
    ours, theirs = (Bench("inforeg", AV, begun=False) for _ in range(2))
    for epoch in range(12):
        ours.modulator.begin_epoch(epoch)
        ours.modulate()
    theirs.modulator.load_state_dict(through_a_file(ours.modulator.state_dict()))
    for bench in (ours, theirs):
        bench.modulator.begin_epoch(12)
    ours_now, theirs_now = (inner(bench, "inforeg") for bench in (ours, theirs))
    assert torch.equal(ours_now.traces, theirs_now.traces) and bool(ours_now.traces[11, 0] > 0)
    assert torch.equal(ours_now.window, theirs_now.window)
