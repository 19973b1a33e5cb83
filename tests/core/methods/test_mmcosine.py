"""MMCosine: golden logits, invariance to lengths, the loss that is trained, refusals."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from core_kit import Bench, gradients, modalities
from methods_kit import AV, near
from torch.nn import functional

from asgml.core.balancer import Balancer
from asgml.core.balancer.errors import LoopError
from asgml.core.methods.registry import RegistryError, parse_method
from asgml.core.methods.spec import MethodError
from asgml.core.modulators.mmcosine import cosine_logits


def test_the_cosine_logits() -> None:
    """(3, 4) and (0, 2) against weights of two classes, by hand."""
    features = {"audio": torch.tensor([[3.0, 4.0]]), "visual": torch.tensor([[0.0, 2.0]])}
    weights = {
        "audio": torch.tensor([[1.0, 0.0], [0.0, 2.0]]),
        "visual": torch.tensor([[1.0, 1.0], [0.0, -1.0]]),
    }
    logits = 10 * cosine_logits(features, weights)
    assert logits[0].tolist() == pytest.approx([10 * (0.6 + 0.707107), 10 * (0.8 - 1)], abs=1e-5)
    assert float(functional.cross_entropy(logits, torch.tensor([1]))) == pytest.approx(
        15.071068, abs=1e-5
    )
    louder = {m: 7 * h for m, h in features.items()}
    heavier = {m: 3 * w for m, w in weights.items()}
    assert torch.allclose(10 * cosine_logits(louder, heavier), logits, atol=1e-5)
    silent = {**features, "visual": torch.zeros(1, 2)}
    assert cosine_logits(silent, weights)[0].tolist() == near([0.6, 0.8])


FUSIONS: list[dict[str, Any]] = [
    {"kind": "concat", "hidden": 0},
    {"kind": "concat", "hidden": 7},
    {"kind": "sum"},
    {"kind": "concat", "alone": "ablation"},
]


@pytest.mark.parametrize("fusion", FUSIONS, ids=str)
def test_the_step_is_that_of_the_cosines_alone(fusion: dict[str, Any]) -> None:
    """By loops over modalities and classes, with the weights read off unit features."""
    names = modalities(3)
    bench = Bench("mmcosine", names, fusion=fusion, mmcosine={"scaling": 5.0})
    bench.look_back()
    ours = gradients(bench.model)
    features, labels = bench.model.encode(bench.batch.inputs), bench.batch.labels
    total: Any = 0.0
    for m in names:
        width = features[m].shape[1]
        zeros = {n: torch.zeros(width, h.shape[1]) for n, h in features.items()}
        bias = bench.model.fusion.fuse(zeros)
        weight = (bench.model.fusion.fuse({**zeros, m: torch.eye(width)}) - bias).T
        for k in range(3):
            cosine = functional.cosine_similarity(features[m], weight[k].unsqueeze(0), dim=1)
            total = total + 5 * cosine.unsqueeze(1) * torch.eye(3)[k]
    bench.model.zero_grad(set_to_none=True)
    functional.cross_entropy(total, labels).backward()
    twin = gradients(bench.model)
    for name, gradient in ours.items():
        expected = twin.get(name, torch.zeros_like(gradient))
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-5, msg=name)


def test_what_it_cannot_do_is_told() -> None:
    for alone in ("split", "ablation"):  # told at once, not after another remedy for film
        with pytest.raises(MethodError, match=r"kind is film; set fusion\.kind=concat or sum"):
            Bench("mmcosine", AV, fusion={"kind": "film", "alone": alone})
    for other in ("dgl", "lfm", "g_blending", "mmpareto"):
        with pytest.raises(RegistryError, match="both decide what the joint loss does"):
            parse_method(f"mmcosine+{other}")
    encoders = {m: torch.nn.Linear(2, 2) for m in AV}
    with pytest.raises(LoopError, match="give head="):
        Balancer(encoders, widths=dict.fromkeys(AV, 2), classes=2, method="mmcosine")


def test_an_own_loop_gets_the_difference_of_the_losses() -> None:
    encoders = {m: torch.nn.Linear(2, 2) for m in AV}
    head = torch.nn.Linear(4, 2)
    features = {m: torch.randn(3, 2) for m in AV}
    labels = torch.tensor([0, 1, 1])
    logits = head(torch.cat(list(features.values()), dim=1))
    task_loss = functional.cross_entropy(logits, labels)
    widths = dict.fromkeys(AV, 2)
    with Balancer(encoders, widths=widths, classes=2, head=head, method="mmcosine") as balancer:
        balancer.begin_epoch(0)
        terms = balancer.loss(features=features, logits=logits, labels=labels, task_loss=task_loss)
    blocks = dict(zip(AV, head.weight.split(2, dim=1), strict=True))
    expected = functional.cross_entropy(10 * cosine_logits(features, blocks), labels) - task_loss
    assert float(torch.as_tensor(terms).detach()) == near(float(expected.detach()))
