"""AGM: golden numbers, Shapley values, a slow twin over all orders of joining."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import Bench, assert_same_bits, gradients, modalities, small_data, train_small
from methods_kit import ATV, AV, doubles, inner, near, nudge
from torch import Tensor
from torch.nn import functional

from asgml.core.data.base import Dataset
from asgml.core.measures.shapley import shapley_values, subsets
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.agm import agm_coefficients, lead
from asgml.core.types import Backward, Batch, Forward


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


@pytest.mark.parametrize("variant", ["code", "paper"])
@pytest.mark.parametrize("names", [AV, ATV, modalities(4)], ids=len)
def test_agm_is_its_slow_twin(names: tuple[str, ...], variant: str) -> None:
    """Several steps, so that the running mean counts: updated after use, 0 in the first step."""
    bench = Bench("agm", names, agm={"alpha": 0.7, "variant": variant, "cap": 10})
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
        gains = [float(modulation.gain(m)) for m in names]
        assert bool(modulation.gains) == (variant == "paper")
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


class Scaled(torch.autograd.Function):
    """The identity of the released script, whose backward pass multiplies by kappa."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, kappa: float) -> Tensor:
        ctx.kappa = kappa
        return logits.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.kappa * gradient, None


def released_gradients(bench: Bench, kappa: tuple[float, float]) -> dict[str, Tensor]:
    """Return the gradients of the released script: three whole passes and two scaled identities."""
    model = copy.deepcopy(bench.model)
    model.zero_grad()

    def predict(**zeroed: bool) -> Tensor:
        inputs = {
            m: torch.zeros_like(x) if zeroed.get(m) else x for m, x in bench.batch.inputs.items()
        }
        logits: Tensor = model(Batch(inputs, bench.batch.labels)).logits
        return logits

    whole = predict()
    model.eval()
    without_visual, without_audio = predict(visual=True), predict(audio=True)
    audio = Scaled.apply(0.5 * (whole - without_audio + without_visual), kappa[0])
    visual = Scaled.apply(0.5 * (whole - without_visual + without_audio), kappa[1])
    functional.cross_entropy(audio + visual, bench.batch.labels).backward()
    return gradients(model)


@pytest.mark.parametrize("fusion", [{"hidden": 0}, {"hidden": 7}, {"kind": "sum"}, "film", "gated"])
def test_agm_has_the_gradients_of_the_released_script(fusion: Any) -> None:
    """Of every weight, the head's too, in float64; encoders with batch norm among them."""
    shape = {"kind": fusion, "alone": "ablation"} if isinstance(fusion, str) else fusion
    settings = {"alpha": 0.7, "clip": 0.0}
    bench = Bench("agm", AV, fusion=shape, agm=settings)
    bench.model.double()
    inputs = {m: x.double() for m, x in bench.batch.inputs.items()}
    bench.batch = Batch(inputs, bench.batch.labels)
    method = inner(bench, "agm")
    method.expected, method.steps = torch.tensor([1.4, 0.9]), 1
    before = {name: value.clone() for name, value in bench.model.state_dict().items()}
    modulation = bench.modulator.modulate(bench.look_back())
    kappa = tuple(float(modulation.gain(m)) for m in AV)
    assert max(kappa) > 1.05 > 0.95 > min(kappa)
    bench.apply(modulation)
    ours = gradients(bench.model)
    # The step has moved batch norm's statistics, as the script's has by then.
    twin = released_gradients(rewound(bench, before), (kappa[0], kappa[1]))
    assert ours.keys() == twin.keys()
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, twin[name], rtol=1e-5, atol=1e-9)


def rewound(bench: Bench, state: dict[str, Tensor]) -> Bench:
    bench.model.load_state_dict(state)
    return bench


def test_the_term_of_agm_is_zero_and_does_not_move_the_loss() -> None:
    bench = Bench("agm", AV)
    term: Any = bench.modulator.loss(bench.look_back().forward)
    assert term.requires_grad and term.item() == 0


@pytest.mark.parametrize(("loudness", "clipped"), [(0.001, False), (100.0, True)])
def test_agm_clips_where_the_gradient_of_the_head_is_large(loudness: float, clipped: bool) -> None:
    bench = Bench("agm", AV)
    backward = bench.look_back()
    for parameter in bench.model.parameters():
        assert parameter.grad is not None
        parameter.grad *= loudness
    peak = float(bench.model.fusion.classifier.weight.grad.abs().max())
    assert (peak > 1) == clipped
    limit = bench.modulator.modulate(backward).clip
    assert limit is not None and float(limit) == (1.0 if clipped else math.inf)
    off = Bench("agm", AV, agm={"clip": 0.0})
    assert off.modulate().clip is None


def test_a_clipped_step_of_agm_is_recorded_and_no_longer_than_the_limit(tmp_path: Path) -> None:
    data = small_data()
    loud = replace_inputs(data, 100.0)
    _, run = train_small(tmp_path / "run", loud, method="agm", epochs=1)
    assert float(run.column("steps", "clip_factor")[0]) < 1


def replace_inputs(data: Dataset, factor: float) -> Dataset:
    splits = {
        part: type(split)({m: factor * x for m, x in split.inputs.items()}, split.labels)
        for part, split in data.splits.items()
    }
    return replace(data, splits=splits)


def test_agm_as_released_refuses_parts_of_a_batch() -> None:
    with pytest.raises(MethodError, match=r"accumulate=2 parts it.*agm\.variant=paper"):
        Bench("agm", AV, optimizer={"accumulate": 2})
    Bench("agm", AV, optimizer={"accumulate": 2}, agm={"variant": "paper"})


def bench_backward(bench: Bench, forward: Forward) -> Backward:
    return Backward(forward, bench.balancing.groups, bench.balancing.gradient_norms())


def test_samples_that_a_method_dropped_leave_agm_to_the_encoders() -> None:
    bench = Bench("agm", AV)
    whole = bench.model(bench.batch)
    fewer = Forward(
        whole.batch,
        {m: features[:4] for m, features in whole.features.items()},
        whole.logits[:4],
        {m: logits[:4] for m, logits in whole.unimodal_logits.items()},
        whole.labels[:4],
    )
    assert bench.modulator.loss(fewer) == 0
    modulation = bench.modulator.modulate(bench_backward(bench, fewer))
    assert {key for key in modulation.gains if key[1] == "all"} == {(m, "all") for m in AV}
    assert not modulation.passed
