"""Fusions: unimodal logits by ablation and by heads, refused where they are not defined."""

from __future__ import annotations

import pytest
import torch

from asgml.core.model.fusion.base import FusionError
from asgml.core.model.fusion.build import make_fusion

WIDTHS = {"audio": 5, "visual": 7}
CLASSES = 4


def _features(batch: int = 6) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {m: torch.randn(batch, width, generator=generator) for m, width in WIDTHS.items()}


@pytest.mark.parametrize("kind", ["concat", "sum", "late_mean", "late_weighted", "film", "gated"])
@pytest.mark.parametrize("unimodal", ["ablation", "heads"])
def test_every_fusion_gives_unimodal_logits_by_ablation_and_by_heads(
    kind: str, unimodal: str
) -> None:
    fusion, features = make_fusion(kind, 8, unimodal, WIDTHS, CLASSES), _features()
    found = fusion.unimodal_logits(features)
    assert fusion.fuse(features).shape == (6, CLASSES)
    assert list(found) == list(WIDTHS)
    assert all(logits.shape == (6, CLASSES) for logits in found.values())
    for m in WIDTHS:
        changed = {**features, **{k: feature + 1 for k, feature in features.items() if k != m}}
        assert torch.equal(fusion.unimodal_logits(changed)[m], found[m]), "they see the others"


@pytest.mark.parametrize("kind", ["concat", "sum", "late_mean", "late_weighted", "film", "gated"])
def test_ablation_is_the_fusion_of_zeros(kind: str) -> None:
    fusion, features = make_fusion(kind, 8, "ablation", WIDTHS, CLASSES), _features()
    ablated = {"audio": features["audio"], "visual": torch.zeros_like(features["visual"])}
    assert torch.equal(fusion.unimodal_logits(features)["audio"], fusion.fuse(ablated))


def test_film_scales_and_shifts_the_second_by_the_first() -> None:
    fusion, features = make_fusion("film", 8, "ablation", WIDTHS, CLASSES), _features()
    film = fusion.fusion
    conditions = features["audio"] @ film.condition.weight.T + film.condition.bias
    rows = [conditions[i, :7] * features["visual"][i] + conditions[i, 7:] for i in range(6)]
    expected = torch.stack(rows) @ film.classifier.weight.T + film.classifier.bias
    torch.testing.assert_close(fusion.fuse(features), expected)


def test_a_closed_gate_lets_nothing_through() -> None:
    fusion, features = make_fusion("gated", 8, "ablation", WIDTHS, CLASSES), _features()
    gated = fusion.fusion
    torch.nn.init.zeros_(gated.gate.weight)
    torch.nn.init.constant_(gated.gate.bias, -200.0)
    torch.testing.assert_close(fusion.fuse(features), gated.classifier.bias.expand(6, -1))


@pytest.mark.parametrize("kind", ["film", "gated"])
def test_a_fusion_that_is_not_linear_has_no_split(kind: str) -> None:
    with pytest.raises(FusionError, match="ablation or heads"):
        make_fusion(kind, 8, "split", WIDTHS, CLASSES)


@pytest.mark.parametrize("kind", ["film", "gated"])
def test_film_and_gated_join_two_modalities(kind: str) -> None:
    with pytest.raises(FusionError, match="two modalities, the data has 3: audio, visual, text"):
        make_fusion(kind, 8, "ablation", {**WIDTHS, "text": 3}, CLASSES)


# -- late fusion ---------------------------------------------------------------------

THREE = {**WIDTHS, "text": 3}


def _heads_by_hand(fusion: torch.nn.Module, features: dict[str, torch.Tensor]) -> list[list[float]]:
    """Return the logits of the first sample by each modality's own head, written as loops."""
    found = []
    for m, head in zip(fusion.modalities, fusion.classifiers, strict=True):
        sample, weight, bias = features[m][0].tolist(), head.weight.tolist(), head.bias.tolist()
        found.append(
            [sum(w * x for w, x in zip(weight[c], sample, strict=True)) + bias[c] for c in range(4)]
        )
    return found


@pytest.mark.parametrize("kind", ["late_mean", "late_weighted"])
def test_late_fusion_averages_the_logits_of_its_own_heads(kind: str) -> None:
    fusion = make_fusion(kind, 8, "split", THREE, CLASSES)
    features = {
        **_features(),
        "text": torch.randn(6, 3, generator=torch.Generator().manual_seed(2)),
    }
    for head in fusion.classifiers:
        torch.nn.init.uniform_(head.bias)
    heads, found = _heads_by_hand(fusion, features), fusion.unimodal_logits(features)
    for m, expected in zip(THREE, heads, strict=True):
        assert found[m][0].tolist() == pytest.approx(expected, abs=1e-5)
    mean = [sum(head[c] for head in heads) / 3 for c in range(CLASSES)]
    assert fusion.fuse(features)[0].tolist() == pytest.approx(mean, abs=1e-5)


def test_learned_weights_are_normalised_by_softmax_and_get_a_gradient() -> None:
    fusion = make_fusion("late_weighted", 8, "split", WIDTHS, CLASSES)
    with torch.no_grad():
        fusion.scores.copy_(torch.tensor([0.0, 1.0986123]))  # ln 3: weights 1/4 and 3/4
    features = _features()
    audio, visual = _heads_by_hand(fusion, features)
    expected = [0.25 * a + 0.75 * v for a, v in zip(audio, visual, strict=True)]
    assert fusion.fuse(features)[0].tolist() == pytest.approx(expected, abs=1e-5)
    fusion.fuse(features)[0, 0].backward()
    # d z / d a_1 = w_0 w_1 (z_1 - z_0)
    slope = 0.25 * 0.75 * (visual[0] - audio[0])
    assert fusion.scores.grad.tolist() == pytest.approx([-slope, slope], abs=1e-5)


@pytest.mark.parametrize("kind", ["concat", "sum", "late_mean", "late_weighted"])
def test_a_fusion_of_one_modality_is_its_own_head(kind: str) -> None:
    fusion = make_fusion(kind, 8, "split", {"audio": 5}, CLASSES)
    features = {"audio": _features()["audio"]}
    torch.testing.assert_close(fusion.fuse(features), fusion.unimodal_logits(features)["audio"])


PARTED = ["concat", "sum", "late_mean", "late_weighted", "growing", "shared"]


@pytest.mark.parametrize("kind", PARTED)
def test_a_part_of_the_head_reads_one_modality_and_nothing_is_left_out(kind: str) -> None:
    """The parts of m get a gradient from its unimodal logits alone; the rest is shared weights."""
    widths = {"audio": 5, "visual": 5} if kind == "shared" else WIDTHS
    fusion = make_fusion(kind, 0, "split", widths, CLASSES)
    features = {m: torch.ones(2, width) for m, width in widths.items()}
    parts = fusion.parts()
    for m in widths:
        fusion.zero_grad()
        fusion.unimodal_logits(features)[m].square().sum().backward()
        touched = {
            k: any((part.gradient is not None and bool(part.gradient.any())) for part in of_k)
            for k, of_k in parts.items()
        }
        assert touched == {k: k == m for k in parts}
    assert list(parts) == ([] if kind == "shared" else list(widths))
    belong = {id(part.parameter) for of_m in parts.values() for part in of_m}
    left = {n for n, parameter in fusion.named_parameters() if id(parameter) not in belong}
    shared = {
        "concat": {"classifier.bias"},
        "late_weighted": {"scores"},
        "growing": {"classifier.weight", "classifier.bias"},
        "shared": {"classifier.weight", "classifier.bias"},
    }
    assert left == shared.get(kind, set())


def test_features_of_different_widths_are_told_the_encoders_that_fit() -> None:
    with pytest.raises(
        FusionError, match=r"such as encoder\.default=mlp; or, without mla"
    ) as found:
        make_fusion("shared", 0, "split", WIDTHS, CLASSES)
    assert "\n" not in str(found.value)
