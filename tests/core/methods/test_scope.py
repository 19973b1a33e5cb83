"""The scope of a gain: the encoder alone, or the modality's part of the head too."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import Bench, assert_same_bits, gradients, modalities, train_small
from methods_kit import AV
from torch import Tensor

from asgml.core.methods.registry import METHODS, short_name

WITH_SCOPE = [
    name for name, row in METHODS.items() if "scope" in {short_name(knob) for knob in row.settings}
]

LIVELY: dict[str, dict[str, Any]] = {
    "arl": {"start_epoch": -1},
    "agm": {"variant": "paper"},
    "ogm_star": {"first_epoch": 0},
}
"""Settings with which a method gives gains from the first step on."""

# Names of parameters by modality, written out: columns are those of the joined features.
FUSIONS: dict[str, tuple[dict[str, Any], dict[str, list[str]]]] = {
    "one layer": ({"hidden": 0}, {"columns": ["fusion.classifier.weight"]}),
    "two layers": ({"hidden": 7}, {"columns": ["fusion.first.weight"]}),
    "ablation": (
        {"hidden": 0, "alone": "ablation"},
        {"columns": ["fusion.fusion.classifier.weight"]},
    ),
    "sum": (
        {"kind": "sum"},
        {"own": ["fusion.classifiers.{}.weight", "fusion.classifiers.{}.bias"]},
    ),
    "late_mean": (
        {"kind": "late_mean"},
        {"own": ["fusion.classifiers.{}.weight", "fusion.classifiers.{}.bias"]},
    ),
    "late_weighted": (
        {"kind": "late_weighted"},
        {"own": ["fusion.classifiers.{}.weight", "fusion.classifiers.{}.bias"]},
    ),
    "late_mean by ablation": (
        {"kind": "late_mean", "alone": "ablation"},
        {"own": ["fusion.fusion.classifiers.{}.weight", "fusion.fusion.classifiers.{}.bias"]},
    ),
    "growing": (
        {"kind": "growing"},
        {"own": ["fusion.layers.{}.0.weight", "fusion.layers.{}.0.bias"]},
    ),
    "heads": (
        {"hidden": 0, "alone": "heads"},
        {
            "columns": ["fusion.fusion.classifier.weight"],
            "own": ["fusion.heads.{}.weight", "fusion.heads.{}.bias"],
        },
    ),
}


def bench_of(method: str, fusion: dict[str, Any], scope: str, names: tuple[str, ...] = AV) -> Bench:
    gamma = {"gamma": 1.0 if fusion.get("alone") == "heads" else 0.0}
    settings = {**LIVELY.get(method, {}), "scope": scope}
    return Bench(method, names, fusion=fusion, loss=gamma, **{method: settings})


def scaled_by_hand(
    bench: Bench, before: dict[str, Tensor], gains: list[float], parts: dict[str, list[str]]
) -> dict[str, Tensor]:
    """Return the gradients with each modality's part of the head times its gain."""
    expected = {name: gradient.clone() for name, gradient in before.items()}
    widths = [encoder.features for encoder in bench.model.encoders.values()]
    for i, gain in enumerate(gains):
        start = sum(widths[:i])
        for name in parts.get("columns", []):
            expected[name][:, start : start + widths[i]] *= gain
        for name in parts.get("own", []):
            expected[name.format(i)] *= gain
    return expected


@pytest.mark.parametrize("kind", FUSIONS)
@pytest.mark.parametrize("count", [2, 3])
def test_the_part_of_the_head_that_belongs_to_a_modality(kind: str, count: int) -> None:
    fusion, parts = FUSIONS[kind]
    bench = bench_of("boost", fusion, "encoder+head", modalities(count))
    modulation = bench.modulate()
    before = gradients(bench.model)
    bench.apply(modulation)
    after = gradients(bench.model)
    gains = [float(modulation.gain(m)) for m in bench.names]
    assert len(set(gains)) == count
    expected = scaled_by_hand(bench, before, gains, parts)
    for name in before:
        if name.startswith("fusion"):
            torch.testing.assert_close(after[name], expected[name])
    assert any(not torch.equal(after[n], before[n]) for n in before if n.startswith("fusion"))
    assert [float(modulation.head_gain(m)) for m in bench.names] == gains


@pytest.mark.parametrize("method", WITH_SCOPE)
def test_the_scope_moves_the_head_and_nothing_else(method: str) -> None:
    """The same encoders bit for bit; the head's gradient is plain with scope=encoder."""
    made, plain = {}, {}
    for scope in ("encoder", "encoder+head"):
        bench = bench_of(method, {"hidden": 0, "alone": "split"}, scope)
        modulation = bench.modulate()
        plain = gradients(bench.model)
        assert modulation.gains, "the method gives no gain here: the test would see nothing"
        bench.apply(modulation)
        made[scope] = gradients(bench.model)
    encoders, heads = (
        {
            scope: {n: g for n, g in found.items() if n.startswith(p)}
            for scope, found in made.items()
        }
        for p in ("_encoders", "fusion")
    )
    assert_same_bits(encoders["encoder+head"], encoders["encoder"])
    assert_same_bits(heads["encoder"], {n: g for n, g in plain.items() if n.startswith("fusion")})
    assert not torch.equal(
        heads["encoder+head"]["fusion.classifier.weight"],
        heads["encoder"]["fusion.classifier.weight"],
    )
    assert torch.equal(
        heads["encoder+head"]["fusion.classifier.bias"], heads["encoder"]["fusion.classifier.bias"]
    ), "the bias is shared"


@pytest.mark.parametrize("method", ["boost", "agm"])
@pytest.mark.parametrize("kind", ["film", "gated"])
def test_a_fusion_without_parts_keeps_its_gradient_and_has_no_gain(kind: str, method: str) -> None:
    bench = bench_of(method, {"kind": kind, "alone": "ablation"}, "encoder+head")
    modulation = bench.modulate()
    assert any(float(modulation.gain(m)) != 1 for m in bench.names)
    assert [float(modulation.head_gain(m)) for m in bench.names] == [1.0, 1.0]
    before = gradients(bench.model)
    bench.apply(modulation)
    after = gradients(bench.model)
    fusion = [name for name in before if name.startswith("fusion")]
    assert_same_bits({n: after[n] for n in fusion}, {n: before[n] for n in fusion})


WHERE = [
    ("concat", "split", True),
    ("late_mean", "split", True),
    ("growing", "split", True),
    ("shared", "split", False),
    ("film", "ablation", False),
    ("film", "heads", True),
]


@pytest.mark.parametrize(("kind", "alone", "acts"), WHERE)
def test_a_gain_of_the_head_is_recorded_where_it_acted(
    kind: str, alone: str, acts: bool, tmp_path: Path
) -> None:
    _, run = train_small(
        tmp_path / "run",
        method="ogm",
        epochs=1,
        ogm={"scope": "encoder+head"},
        fusion={"kind": kind, "alone": alone},
        encoder={"default": "mlp"},  # a shared head reads features of one width
        loss={"gamma": 1.0 if alone == "heads" else 0.0},
    )
    gains, heads = (
        [run.column("steps", f"{name}/{m}").tolist() for m in AV] for name in ("gain", "head_gain")
    )
    assert any(gain != 1 for column in gains for gain in column)
    assert heads == (gains if acts else [[1.0] * len(column) for column in gains])


def test_mlb_scales_what_its_released_code_scales() -> None:
    """Encoder, its own head, its slice of the fusion; the fusion's bias stays. Written out."""
    settings = {"alpha": 0.8, "beta_max": 3.0}
    bench = Bench("mlb", AV, fusion={"hidden": 0, "alone": "heads"}, mlb=settings)
    backward = bench.look_back()
    scores = []
    for m in AV:
        rows = backward.forward.unimodal_logits[m].detach().double().tolist()
        labels = bench.batch.labels.tolist()
        true = [math.exp(z[y]) / sum(map(math.exp, z)) for z, y in zip(rows, labels, strict=True)]
        scores.append(sum(true) / len(true))
    ratios = [scores[1] / scores[0], scores[0] / scores[1]]
    k = [1 + (2.0 if r > 1 else 1.0) * math.tanh(0.8 * (r - 1)) for r in ratios]
    assert abs(k[0] - k[1]) > 0.02
    before = gradients(bench.model)
    bench.apply(bench.modulator.modulate(backward))
    expected = scaled_by_hand(bench, before, k, FUSIONS["heads"][1])
    for name, gradient in gradients(bench.model).items():
        which = name.removeprefix("_encoders.").partition(".")[0]
        wanted = before[name] * k[int(which)] if name.startswith("_encoders") else expected[name]
        torch.testing.assert_close(gradient, wanted, rtol=1e-5, atol=1e-8)
