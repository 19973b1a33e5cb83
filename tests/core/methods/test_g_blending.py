"""G-Blending: blend weights, a slow twin of the measurement, super-epochs and resuming."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from core_kit import Bench, assert_same_bits, gradients, through_a_file, weights
from fidelity_kit import Record
from methods_kit import ATV, AV, doubles, inner, near
from torch import Tensor
from torch.nn import functional

from asgml.core.data.loading.batches import in_order
from asgml.core.modulators.blending import blend_weights, measure


def test_the_weights_of_g_blending() -> None:
    assert blend_weights(doubles(0.3, 0.2, 0.35), doubles(0.1, 0.2, 0.15)).tolist() == near(
        [0.593407, 0.098901, 0.307692]
    )


def test_blend_weights_stay_finite() -> None:
    """No over-fitting: a finite weight; a harmful loss: weight 0; all harmful: equal weights."""
    found = blend_weights(doubles(0.1, 0.1, -0.5), doubles(0.0, 0.1, 0.0))
    assert found.tolist() == near([100 / 101, 1 / 101, 0])
    assert blend_weights(doubles(-0.1, -0.2, 0.0), doubles(0.0, 0.1, 0.2)).tolist() == near(
        [1 / 3, 1 / 3, 1 / 3]
    )


def losses_by_loops(bench: Bench, model: Any, split: str) -> list[float]:
    totals = [0.0] * (1 + len(bench.names))
    part = bench.components.data.splits[split]
    with torch.no_grad():
        for batch in in_order(part, 5, torch.device("cpu")):
            forward = model.eval()(batch)
            for k, logits in enumerate((forward.logits, *forward.unimodal_logits.values())):
                totals[k] += float(
                    functional.cross_entropy(logits, batch.labels, reduction="sum")
                ) / len(part)
    return totals


def test_g_blending_is_its_slow_twin(record_property: Record) -> None:
    """One copy a loss, each trained from the same weights by plain SGD in the order drawn."""
    from asgml.core.data.loading.batches import take
    from asgml.core.seeds import seed_for

    bench = Bench("g_blending", AV, begun=False, g_blending={"measure_epochs": 2})
    context = inner(bench, "g_blending").context
    before = weights(bench.trainer)
    states = (
        torch.get_rng_state(),
        bench.balancing.method_generator.get_state(),
        bench.components.batches.generator.get_state(),
    )
    found = measure(context, 3, 2)
    assert_same_bits(weights(bench.trainer), before)
    assert bench.model.training and not gradients(bench.model)
    after = (
        torch.get_rng_state(),
        bench.balancing.method_generator.get_state(),
        bench.components.batches.generator.get_state(),
    )
    assert all(torch.equal(a, b) for a, b in zip(states, after, strict=True))
    start = {
        split: losses_by_loops(bench, copy.deepcopy(bench.model), split)
        for split in ("train", "val")
    }
    raw = []
    for k in range(3):
        trained, generator = (
            copy.deepcopy(bench.model),
            torch.Generator().manual_seed(seed_for("g_blending/3", 0)),
        )
        optimizer = torch.optim.SGD(trained.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
        train_split = bench.components.data.splits["train"]
        for _ in range(2):
            for indices in torch.randperm(29, generator=generator).split(8):
                batch = take(train_split, indices, torch.device("cpu"))
                forward = trained.train()(batch)
                loss = functional.cross_entropy(
                    [forward.logits, *forward.unimodal_logits.values()][k], batch.labels
                )
                optimizer.zero_grad()
                torch.autograd.backward(loss)
                optimizer.step()
        ends = {split: losses_by_loops(bench, trained, split)[k] for split in ("train", "val")}
        gain = max(start["val"][k] - ends["val"], 0)
        overfitting = (ends["val"] - ends["train"]) - (start["val"][k] - start["train"][k])
        raw.append(gain / max(abs(overfitting), 0.01) ** 2)
    expected = [value / sum(raw) for value in raw]
    record_property("method", "g_blending")
    record_property("setting", "")
    record_property("compared", "loss weights measured on trained copies")
    difference = max(abs(a - b) for a, b in zip(found.tolist(), expected, strict=True))
    record_property("difference", difference)
    # the quotient of two small differences of losses: rounding counts a thousandfold
    assert found.tolist() == pytest.approx(expected, rel=0.02)


def test_the_blended_loss_is_the_weighted_sum_and_the_task_loss_counts_in_it() -> None:
    bench = Bench("g_blending", ATV)
    forward = bench.look_back().forward
    w = inner(bench, "g_blending").weights
    assert float(w.sum()) == pytest.approx(1) and len(w) == 4
    losses = [
        float(functional.cross_entropy(z, forward.labels))
        for z in (forward.logits, *forward.unimodal_logits.values())
    ]
    whole = losses[0] + float(bench.modulator.loss(forward))
    assert whole == pytest.approx(
        sum(float(a) * b for a, b in zip(w, losses, strict=True)), rel=1e-5
    )
    readings = bench.modulate().readings
    assert [float(readings[f"loss_weight/{m}"]) for m in ATV] == pytest.approx(w[1:].tolist())


def test_g_blending_measures_once_in_a_super_epoch_however_often_it_is_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[int] = []

    def counted(context: Any, epoch: int, epochs: int) -> Tensor:
        measured.append(epoch)
        return doubles(0.5, 0.2, 0.3)

    monkeypatch.setattr("asgml.core.modulators.g_blending.measure", counted)
    bench = Bench("g_blending", AV, g_blending={"every": 3, "first_epoch": 2})
    for epoch in range(10):
        bench.modulator.begin_epoch(epoch)
        state = through_a_file(bench.modulator.state_dict())
        bench = Bench("g_blending", AV, begun=False, g_blending={"every": 3, "first_epoch": 2})
        bench.modulator.load_state_dict(state)
        assert bool(bench.modulator.loss(bench.look_back().forward)) == (epoch >= 2)
    assert measured == [2, 5, 8]
