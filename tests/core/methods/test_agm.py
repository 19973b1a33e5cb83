"""AGM: golden numbers, Shapley values, a slow twin over all orders of joining."""

from __future__ import annotations

import copy
import itertools
import math

import pytest
import torch
from core_kit import Bench, assert_same_bits, modalities, small_data
from methods_kit import ATV, AV, doubles, near, nudge
from torch import Tensor

from asgml.core.measures.shapley import shapley_values, subsets
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.agm import agm_coefficients, lead
from asgml.core.types import Batch, Forward


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
    """Several steps, so that the running mean counts: updated after use, 0 in the first step."""
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
