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


@pytest.mark.parametrize("kind", ["concat", "sum", "film", "gated"])
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


@pytest.mark.parametrize("kind", ["concat", "sum", "film", "gated"])
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
