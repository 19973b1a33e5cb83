"""AUG: a plain loop whose heads grow, resumes across growth, and heads that cannot grow."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import (
    Bench,
    after_steps,
    assert_same_bits,
    assert_same_rows,
    make_trainer,
    modalities,
    resume_trainer,
    small_config,
    small_data,
    train,
    weights,
)
from methods_kit import AV, doubles, near
from test_turns import Record, assert_trained_as, cross_entropy, optimizer_of
from torch import Tensor

from asgml.core.model.fusion.build import make_fusion
from asgml.core.model.fusion.growing import MOST_LAYERS
from asgml.core.modulators.aug import behind, boosting_loss
from asgml.core.run import checkpoint
from asgml.core.training.preflight import configuration_warnings
from asgml.core.types import Batch


def soft_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    return -(target * logits.log_softmax(1)).sum(1).mean()


def aug_by_hand(variant: str, model: Any, epochs: list[list[Batch]]) -> list[float]:
    """Turns of one modality each; after each epoch the weaker head takes its next layer.

    The optimizer of the released code has only what the model had before any layer was added.
    """
    names, shared = list(model.encoders), model.fusion.classifier
    reserve = {m: list(model.fusion.layers[i]) for i, m in enumerate(names)}
    heads = {m: [layers.pop(0)] for m, layers in reserve.items()}
    later = [p for m in names for layer in reserve[m] for p in layer.parameters()]
    unknown = {id(p) for p in later} if variant == "code" else set()
    optimizer, losses = optimizer_of(p for p in model.parameters() if id(p) not in unknown), []
    for batches in epochs:
        scores = dict.fromkeys(names, 0.0)
        for batch in batches:
            y, one_hot = batch.labels, torch.eye(3)[batch.labels]
            losses.append(0.0)
            for m in names:
                optimizer.zero_grad(set_to_none=True)
                h = model.encoders[m](batch.inputs[m])
                out, before, newest = shared(torch.relu(heads[m][0](h))), None, None
                for layer in heads[m][1:]:
                    before, newest = out, shared(torch.relu(layer(h)))
                    out = out + newest
                loss = cross_entropy(out, y)
                if before is not None and newest is not None:
                    loss = loss + cross_entropy(before, y) + cross_entropy(newest, y)
                    known = one_hot * before.detach().softmax(1)
                    loss = loss - 0.5 * soft_cross_entropy(newest, known)
                loss.backward()
                optimizer.step()
                losses[-1] += float(loss.detach())
                scores[m] += sum(
                    float(p[k]) for p, k in zip(out.detach().softmax(1), y, strict=True)
                )
        weakest = min(names, key=lambda m: scores[m])
        others = [scores[m] for m in names if m != weakest]
        last = batches is epochs[-1]
        if not last and scores[weakest] < 0.985 * sum(others) / len(others):
            heads[weakest].append(reserve[weakest].pop(0))
    for place, m in enumerate(names):
        model.fusion.awake[place] = len(heads[m])
    return losses


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("variant", ["code", "paper"])
def test_aug_is_its_plain_loop(
    variant: str, count: int, tmp_path: Path, record_property: Record
) -> None:
    section = {"every": 1, "margin": 0.015, "variant": variant}
    loop, root = partial(aug_by_hand, variant), tmp_path / "run"
    assert_trained_as(loop, root, count, record_property, method="aug", epochs=4, aug=section)


def test_the_loss_of_a_head_of_three_layers() -> None:
    """Against sums over samples and classes."""
    generator = torch.Generator().manual_seed(1)
    layers = torch.randn(3, 2, 4, generator=generator, dtype=torch.float64)
    labels = torch.tensor([2, 0])
    expected = 0.0
    for i, y in enumerate(labels.tolist()):
        first, second, third = layers[:, i]
        p, q = third.softmax(0), (first + second).softmax(0)
        whole = (first + second + third).softmax(0)
        parts = whole[y].log() + q[y].log() + (1 - 0.3 * q[y]) * p[y].log()
        expected -= float(parts) / 2
    assert float(boosting_loss(layers, labels, 0.3)) == pytest.approx(expected, rel=1e-12)


def test_the_modality_that_is_behind() -> None:
    """Of two as released: the second above a ratio of 1.01, the first below 0.99."""
    assert behind(doubles(1.0101, 1.0), 0.01) == 1
    assert behind(doubles(1.0099, 1.0), 0.01) is None
    assert behind(doubles(0.9899, 1.0), 0.01) == 0
    assert behind(doubles(0.9901, 1.0), 0.01) is None
    assert behind(doubles(3.0, 1.0, 2.0), 0.01) == 1
    assert behind(doubles(1.0), 0.01) is None
    assert behind(doubles(0.0, 0.0), 0.01) is None


def test_a_head_grows_to_its_end_and_its_sleeping_layers_take_no_part() -> None:
    fusion = make_fusion("growing", 0, "split", {"audio": 4, "visual": 6}, 3)
    features = {"audio": torch.randn(5, 4), "visual": torch.randn(5, 6)}
    fusion.fuse(features).sum().backward()
    trained = [p.grad is not None for p in fusion.layers.parameters()]
    assert sum(trained) == 4  # weight and bias of one layer of each head
    one, other = fusion.unimodal_logits(features).values()
    torch.testing.assert_close(fusion.fuse(features), (one + other) / 2)
    grown = [fusion.grow("visual") for _ in range(MOST_LAYERS)]
    assert grown == [True] * (MOST_LAYERS - 1) + [False]
    assert (fusion.size("audio"), fusion.size("visual")) == (1, MOST_LAYERS)
    torch.testing.assert_close(fusion.unimodal_logits(features)["audio"], one)
    fresh = make_fusion("growing", 0, "split", {"audio": 4, "visual": 6}, 3)
    fresh.load_state_dict(fusion.state_dict())
    torch.testing.assert_close(fresh.fuse(features), fusion.fuse(features))


@pytest.mark.parametrize("variant", ["code", "paper"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("after", [6, 8])
def test_a_resumed_training_has_grown_the_same(
    variant: str, optimizer: str, after: int, tmp_path: Path
) -> None:
    """Stopped in the middle of an epoch of four steps, and right before a head grows.

    Layers that were added have their first weights in the released code only.
    """
    section = {"every": 1, "variant": variant}
    config = small_config(
        method="aug", epochs=4, aug=section, optimizer={"name": optimizer, "lr": 0.01}
    )
    whole = make_trainer(tmp_path / "whole", small_data(), config)
    start = weights(whole)
    uninterrupted = train(whole)
    stopped = make_trainer(tmp_path / "stopped", small_data(), config)
    after_steps(stopped, {after: stopped.run.command_handler.stop})
    train(stopped)
    resumed = resume_trainer(tmp_path / "stopped", small_data(), config)
    again = train(resumed)
    assert int(weights(whole)["fusion.awake"].sum()) > 3
    assert_same_bits(weights(resumed), weights(whole))
    assert_same_rows(again, uninterrupted)
    later = [f"fusion.layers.{place}.1.weight" for place in (0, 1)]
    kept = [torch.equal(weights(resumed)[name], start[name]) for name in later]
    assert all(kept) == (variant == "code")


def test_the_best_model_is_tested_with_the_heads_that_it_had(tmp_path: Path) -> None:
    """And the last one keeps those that it has grown since."""
    data = small_data(modalities(2))
    rate = {"lr": 0.3}
    config = small_config(method="aug", epochs=4, aug={"every": 1}, optimizer=rate, on_nan="go")
    trainer = make_trainer(tmp_path / "run", data, config)
    run = train(trainer)
    model, folder = trainer.components.model, trainer.run.paths.checkpoints
    found = run.column("epochs", "test_accuracy_at_best_val")[-1]
    path = checkpoint.best_path(folder, trainer.selection.best.step)
    best = checkpoint.load(path, torch.device("cpu"))["model"]
    grown = weights(trainer)["fusion.awake"]
    assert model.fusion._sizes == grown.tolist()
    assert int(best["fusion.awake"].sum()) < int(grown.sum()), "it grew no more: nothing is tested"
    model.load_state_dict(best)
    test = data.splits["test"]
    logits = model.eval()(Batch(test.inputs, test.labels)).logits
    assert float((logits.argmax(1) == test.labels).float().mean()) == near(found)


def test_a_head_that_cannot_grow_is_warned_of() -> None:
    def found(epochs: int, **section: Any) -> list[str]:
        bench = Bench("aug", AV, epochs=epochs, aug=section)
        return configuration_warnings(bench.components.config, bench.model, 100)

    assert "none ever grows; set epochs to 2 or more" in found(1)[0]
    assert "set epochs to 6 or more" in found(5, first_epoch=4)[0]
    assert not found(2) and not found(200) and not found(12, every=1)
    assert "aug.every=1 looks 12 times" in found(13, every=1)[0]
