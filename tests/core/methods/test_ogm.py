"""OGM and OGM-GE: golden numbers of the journal variant, a slow twin, noise on one modality."""

from __future__ import annotations

import math

import pytest
import torch
from core_kit import Bench, gradients
from hypothesis import given, settings
from methods_kit import ALPHA, AV, SCORES, doubles, example, near

from asgml.core.measures.unimodal import discrepancy_ratio, true_class_scores
from asgml.core.modulators.ogm import Ogm, OgmGe, journal_coefficient

RATIOS = (1.0, 1.25, 1.5, 2.0, 3.0)


@pytest.mark.parametrize(
    ("alpha", "expected"),
    [
        (0.8, [1, 0.804065, 0.630306, 0.390725, 0.228778]),
        (1.0, [1, 0.755081, 0.537883, 0.238406, 0.035972]),
        (2.6, [1, 0.363211, 0, 0, 0]),
    ],
)
def test_the_throttle_table_of_the_journal(alpha: float, expected: list[float]) -> None:
    assert journal_coefficient(doubles(*RATIOS), alpha).tolist() == near(expected)
    assert journal_coefficient(doubles(0.2, 0.999), alpha).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("kind", "variant", "expected"),
    [
        (Ogm, "journal", 0.434905),
        (OgmGe, "journal", 0.434905),
        (Ogm, "cvpr", 1 - math.tanh(1.640286)),
    ],
)
def test_the_variant_is_an_option(kind: type[Ogm], variant: str, expected: float) -> None:
    made = kind(AV, {"alpha": 1.0, "variant": variant})
    assert float(made.modulate(example()).gain("audio")) == near(expected)
    assert float(made.modulate(example()).gain("visual")) == 1


def test_three_modalities_in_the_journal() -> None:
    assert journal_coefficient(discrepancy_ratio(doubles(1.2, 0.8, 0.6)), 1.0).tolist() == near(
        [0.364851, 1, 1]
    )


@settings(max_examples=40, deadline=None)
@given(scores=SCORES, alpha=ALPHA)
def test_the_journal_by_loops(scores: list[float], alpha: float) -> None:
    slow = []
    for i, mine in enumerate(scores):
        ratio = sum(mine / other for j, other in enumerate(scores) if j != i) / (len(scores) - 1)
        slow.append(max(0.0, 1 - alpha * math.tanh(ratio - 1)) if ratio > 1 else 1.0)
    assert journal_coefficient(
        discrepancy_ratio(doubles(*scores)), alpha
    ).tolist() == pytest.approx(slow, abs=1e-9)


def test_noise_on_the_dominant_modality_alone() -> None:
    bench = Bench("ogm_ge", AV, ogm_ge={"noise": "dominant"})
    modulation = bench.modulate()
    before = gradients(bench.model)
    bench.apply(modulation)
    after = gradients(bench.model)
    silent = [m for m in AV if float(modulation.gain(m)) == 1]
    assert [float(modulation.noise_level(m)) for m in AV] == [float(m not in silent) for m in AV]
    assert len(silent) == 1
    encoder = {id(p) for p in bench.model.encoders[silent[0]].parameters()}
    changed = {
        name
        for name, p in bench.model.named_parameters()
        if id(p) in encoder and not torch.equal(after[name], before[name])
    }
    assert not changed


def test_scores_of_the_example() -> None:
    assert true_class_scores(example().forward).tolist() == near([1.363103, 0.831015])
