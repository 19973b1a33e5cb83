"""Diagnosing and re-learning: reset weights, cluster purity, when encoders go back."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from core_kit import Bench, assert_same_bits, gradients, small_data, weights
from methods_kit import AV, inner, near, nudge

from asgml.core.methods.spec import MethodError
from asgml.core.modulators.relearning import (
    cluster_purity,
    is_due,
    purity,
    reset_weight,
    scaled_columns,
)


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


# Two columns of unequal scale: the small one holds the class, in training only; the large one
# does not. Halves of the large one have purity 3/5.
LABELS = [0, 1] * 5
TRAIN = [[0.01 * (i % 2), 10.0 * i] for i in range(10)]
VAL = [[0.01 * (i // 2 % 2), 10.0 * i] for i in range(10)]


def slow_purity(points: list[list[float]], scale: bool) -> float:
    """Return the purity of the best of all divisions in two, by squared distances."""
    if scale:
        columns = [[point[d] for point in points] for d in range(2)]
        points = [
            [2 * (x - min(c)) / (max(c) - min(c)) - 1 for x, c in zip(point, columns, strict=True)]
            for point in points
        ]
    best, found = math.inf, 0.0
    for sides in itertools.product([0, 1], repeat=len(points) - 1):
        cost, most = 0.0, 0
        for side in (0, 1):
            members = [i for i, s in enumerate((0, *sides)) if s == side]
            for d in range(2):
                mean = sum(points[i][d] for i in members) / max(len(members), 1)
                cost += sum((points[i][d] - mean) ** 2 for i in members)
            most += max(sum(LABELS[i] == k for i in members) for k in (0, 1))
        if cost < best:
            best, found = cost, most / len(points)
    return found


@pytest.mark.parametrize(("variant", "start", "weight"), [("code", 0, 0.905148), ("paper", 1, 0.0)])
def test_the_reset_weight_on_features_of_unequal_scale(
    variant: str, start: int, weight: float
) -> None:
    """Scaled, purities are 1 and 1/2 and w is tanh(3 / 2); as they are, 3/5 and 3/5 and w is 0."""
    scale = variant == "code"
    gap = abs(slow_purity(TRAIN, scale) - slow_purity(VAL, scale))
    assert math.tanh(3 * gap) == near(weight)
    bench = Bench("relearning", AV, relearning={"variant": variant, "start": start})
    method = inner(bench, "relearning")
    found = {"train": torch.tensor(TRAIN), "val": torch.tensor(VAL)}
    labels = torch.tensor(LABELS)
    method.context = SimpleNamespace(
        classes=2,
        config=SimpleNamespace(seed=0),
        groups=method.context.groups,
        features=lambda split: (dict.fromkeys(AV, found[split]), labels),
    )
    weights: dict[str, float] = {}
    method.reset = weights.__setitem__
    method.before_epoch(1, 1.0)
    assert weights == near(dict.fromkeys(AV, weight))


def test_columns_from_minus_one_to_one() -> None:
    """A constant column, such as a dead unit's, is no 0/0."""
    features = torch.tensor([[1.0, 7.0, -2.0], [3.0, 7.0, 0.0], [2.0, 7.0, 6.0]])
    expected = [[-1, -1, -1], [1, -1, -0.5], [0, -1, 1]]
    assert scaled_columns(features).tolist() == expected


@pytest.mark.parametrize(("variant", "expected"), [("code", [21, 41, 61]), ("paper", [20, 40, 60])])
def test_the_published_schedule(
    variant: str, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The released script resets after the epochs of index 20, 40 and 60."""
    bench = prepared_relearning(monkeypatch, variant=variant, start=20, every=20, times=3)
    method, done = inner(bench, "relearning"), []
    for epoch in range(90):
        method.reset = lambda m, weight, epoch=epoch: done.append((epoch, m))
        method.before_epoch(epoch, 1.0)
    assert done == [(epoch, m) for epoch in expected for m in AV]


def prepared_relearning(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Bench:
    """With purities 0.9 and 0.7 for audio, 0.6 and 0.6 for visual, training before validation."""
    purities = itertools.cycle([0.9, 0.7, 0.6, 0.6])
    monkeypatch.setattr(
        "asgml.core.modulators.relearning.cluster_purity", lambda *_: next(purities)
    )
    section = {"variant": "paper", "start": 1, "every": 2, "times": 2, **settings}
    return Bench("relearning", AV, relearning=section)


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_only_the_over_fitted_encoder_goes_back(
    monkeypatch: pytest.MonkeyPatch, strength: float
) -> None:
    """Its parameters by tanh(3 * 0.2); no batch norm statistics, other encoder or head."""
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
        ({"variant": "code"}, [2, 4]),
        ({"variant": "code", "last_epoch": 2}, [2]),
    ]:
        bench = prepared_relearning(monkeypatch, **settings)
        moved = []
        for epoch in range(6):
            nudge(bench)
            before = weights(bench.trainer)
            for _ in range(2):  # a resumed run begins its epoch again
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


def test_relearning_with_unimodal_losses_trains_heads_and_resets_encoders_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The higher of the paper's two numbers: the loss of `uniform`, resets of `relearning`."""
    sections: dict[str, Any] = {"fusion": {"alone": "heads"}, "uniform": {"gamma": 0.7}}
    reset = {"start": 0, "every": 1, "variant": "paper"}
    both = Bench("relearning+uniform", AV, begun=False, relearning=reset, **sections)
    alone = Bench("uniform", AV, **sections)
    both.look_back()
    alone.look_back()
    assert_same_bits(gradients(both.model), gradients(alone.model))
    monkeypatch.setattr("asgml.core.modulators.relearning.cluster_purity", purities())
    nudge(both)
    before = weights(both.trainer)
    both.modulator.begin_epoch(0)
    moved = {name for name, value in weights(both.trainer).items() if (value != before[name]).any()}
    assert moved and not any(name.startswith("fusion.") for name in moved)


def purities() -> Any:
    """Return stand-ins of `cluster_purity`: 0.9 on training features, 0.5 on validation ones."""
    turns = itertools.cycle([0.9, 0.5])
    return lambda *_: next(turns)
