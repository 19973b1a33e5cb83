"""OPM: drop rates, features dropped per sample, warm-up and the generator it draws from."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core_kit import Bench
from methods_kit import AV, doubles, near

from asgml.core.modulators.opm import drop_rate, dropped


def test_the_drop_rates_of_opm() -> None:
    assert drop_rate(doubles(0.5, 1.0, 1.5, 2.0, 3.0), 0.5, 0.5).tolist() == near(
        [0, 0, 0.615529, 0.690399, 0.741007]
    )
    assert drop_rate(doubles(3.0), 1.0, 1.0).tolist() == [1]


@pytest.mark.parametrize("seed", range(3))
def test_dropping_by_loops(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = {
        "audio": torch.randn(9, 4, generator=generator),
        "visual": torch.randn(9, 2, generator=generator),
    }
    labels, kept, q = (
        torch.arange(9),
        torch.rand(9, 2, generator=generator) < 0.5,
        torch.tensor([0.6, 0.3]),
    )
    share = (4 * 0.6 + 2 * 0.3) / 6
    slow: list[tuple[int, list[float]]] = []
    for i in range(9):
        if kept[i].any():
            row = [
                float(value) / (1 - share) if kept[i, j] else 0.0
                for j, m in enumerate(features)
                for value in features[m][i]
            ]
            slow.append((i, row))
    fed, left = dropped(features, labels, kept, q)
    assert left.tolist() == [i for i, _ in slow]
    assert 0 < len(slow) < 9
    assert torch.cat(list(fed.values()), dim=1).tolist() == [
        pytest.approx(row, rel=1e-5) for _, row in slow
    ]


def test_a_batch_of_which_nothing_is_left_is_kept() -> None:
    features = {"audio": torch.ones(2, 3), "visual": torch.ones(2, 3)}
    fed, labels = dropped(
        features, torch.tensor([0, 1]), torch.zeros(2, 2, dtype=torch.bool), torch.ones(2)
    )
    assert len(labels) == 2 and all(torch.equal(fed[m], features[m]) for m in features)


def test_opm_drops_the_dominant_modality_as_often_as_it_says() -> None:
    bench = Bench("opm", AV, opm={"first_epoch": 0, "p_exe": 0.6})
    features = {
        m: feature.detach() for m, feature in bench.model.encode(bench.batch.inputs).items()
    }
    opm: Any = bench.modulator.members["opm"].inner
    q = dict(zip(AV, opm.drop_rates(features, bench.batch.labels).tolist(), strict=True))
    strong, weak = sorted(AV, key=lambda m: -q[m])
    assert q[strong] > 0.5 and q[weak] == 0
    zeros = batches = 0
    for _ in range(1000):
        fed, labels = bench.modulator.before_fusion(features, bench.batch.labels)
        assert len(labels) == 6 and bool((fed[weak] != 0).any(dim=1).all())
        missing = int((fed[strong] == 0).all(dim=1).sum())
        zeros, batches = zeros + missing, batches + (not torch.equal(fed[weak], features[weak]))
    assert batches / 1000 == pytest.approx(0.6, abs=0.06)
    assert zeros / 6000 == pytest.approx(0.6 * q[strong], abs=0.05)


def test_opm_warms_up_and_draws_from_its_own_generator() -> None:
    bench = Bench("opm", AV, opm={"p_exe": 1.0})
    features = bench.model.encode(bench.batch.inputs)
    untouched = torch.get_rng_state()
    own = bench.balancing.method_generator.get_state()
    for epoch in range(8):
        bench.modulator.begin_epoch(epoch)
        fed, _ = bench.modulator.before_fusion(features, bench.batch.labels)
        assert (fed is features) == (epoch <= 5)
        assert torch.equal(bench.balancing.method_generator.get_state(), own) == (epoch <= 5)
    assert torch.equal(torch.get_rng_state(), untouched)
