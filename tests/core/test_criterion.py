"""Label smoothing and class weights: the loss of a training, and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import (
    assert_same_bits,
    gradients,
    make_trainer,
    small_config,
    small_data,
    train_small,
    weights,
)
from torch import Tensor
from torch.nn import functional

from asgml.core.balancer.setup import loop_config
from asgml.core.config.run_config import ConfigError, make_config
from asgml.core.data.base import Dataset
from asgml.core.data.loading.batches import in_order
from asgml.core.measures.criterion import (
    LossError,
    balanced_weights,
    criterion_loss,
    factored_loss,
    make_criterion,
)
from asgml.core.measures.evaluate import evaluate
from asgml.core.measures.task import loss_of
from asgml.core.methods.registry import section_defaults
from asgml.core.modulators.aug import boosting_loss
from asgml.core.modulators.reconboost import ReconBoost
from asgml.core.modulators.turns import Turn
from asgml.core.training.update import MicroBatch
from asgml.core.types import PLAIN, Batch, Criterion, Forward, Mix

WEIGHTS = torch.tensor([0.5, 1.0, 3.0])


def logits_and_labels(samples: int = 11) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    logits = 2 * torch.randn(samples, 3, generator=generator, dtype=torch.float64)
    return logits, torch.arange(samples) % 3


def transcribed(logits: Tensor, labels: Tensor, smoothing: float, by_class: Tensor) -> float:
    """The formula in the head of core/measures/criterion.py, sample by sample."""
    above, below = 0.0, 0.0
    for z, y in zip(logits.tolist(), labels.tolist(), strict=True):
        logs = [value - torch.tensor(z, dtype=torch.float64).logsumexp(0).item() for value in z]
        spread = sum(w * -log for w, log in zip(by_class.tolist(), logs, strict=True)) / len(z)
        above += (1 - smoothing) * by_class[y].item() * -logs[y] + smoothing * spread
        below += by_class[y].item()
    return above / below


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("by_class", [None, WEIGHTS.double()])
def test_the_formula_and_torchs_function_agree(smoothing: float, by_class: Tensor | None) -> None:
    logits, labels = logits_and_labels()
    found = criterion_loss(Criterion(smoothing, by_class), None, logits, labels)
    weight = torch.ones(3, dtype=torch.float64) if by_class is None else by_class
    assert found.item() == pytest.approx(transcribed(logits, labels, smoothing, weight), rel=1e-12)
    assert found.item() == pytest.approx(
        functional.cross_entropy(logits, labels, by_class, label_smoothing=smoothing).item()
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_mixed_loss_is_the_mean_of_the_losses_of_both_parts(smoothing: float) -> None:
    logits, labels = logits_and_labels()
    partners = labels.flip(0)
    found = criterion_loss(Criterion(smoothing), Mix(partners, 0.3), logits, labels)
    one, other = (
        functional.cross_entropy(logits, classes, label_smoothing=smoothing)
        for classes in (labels, partners)
    )
    assert found.item() == pytest.approx((0.7 * one + 0.3 * other).item(), rel=1e-12)


def test_a_mixed_weighted_loss_counts_each_part_of_a_sample_with_its_own_weight() -> None:
    logits, labels = logits_and_labels()
    partners, by_class = labels.flip(0), WEIGHTS.double()
    found = criterion_loss(Criterion(0.0, by_class), Mix(partners, 0.3), logits, labels)
    logs = logits.log_softmax(1)
    above = sum(
        -share * by_class[y] * logs[i, y]
        for share, classes in ((0.7, labels), (0.3, partners))
        for i, y in enumerate(classes.tolist())
    )
    below = (0.7 * by_class[labels] + 0.3 * by_class[partners]).sum()
    assert found.item() == pytest.approx((above / below).item(), rel=1e-12)  # type: ignore[union-attr]


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("by_class", [None, WEIGHTS.double()])
def test_each_class_of_a_loss_may_have_a_factor(smoothing: float, by_class: Tensor | None) -> None:
    logits, labels = logits_and_labels()
    factors = torch.rand(logits.shape, generator=torch.Generator().manual_seed(3)).double()
    w, total, size = [1.0] * 3 if by_class is None else by_class.tolist(), 0.0, 0.0
    for z, y, r in zip(logits, labels.tolist(), factors.tolist(), strict=True):
        size += w[y]
        for c, log_p in enumerate(z.log_softmax(0).tolist()):
            target = (1 - smoothing) * (c == y) + smoothing / 3
            total -= target * w[c] * r[c] * log_p
    criterion = Criterion(smoothing, by_class)
    found = factored_loss(criterion, logits.log_softmax(1), labels, factors)
    assert float(found) == pytest.approx(total / size, rel=1e-12)


def test_balanced_weights_are_those_of_the_counts() -> None:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 3, 3])
    assert balanced_weights(labels, 4).tolist() == [0.5, 1.0, 0.0, 1.0]
    present = torch.tensor([0] * 5 + [1] * 2 + [2] * 9)
    assert balanced_weights(present, 3)[present].mean().item() == pytest.approx(1)


def test_weights_that_are_not_one_for_each_class_are_refused() -> None:
    with pytest.raises(LossError, match=r"has 2 numbers.*3 classes"):
        make_criterion(0.0, [1.0, 2.0], torch.arange(3), 3, torch.device("cpu"))


TEXTS = ["1,a", "1,", "1,-1", "1,0", "1,nan", "1,inf", "balanced,none"]


@pytest.mark.parametrize("given", ["1,2.5,3", "1, 2.5, 3", [1, 2.5, 3]])
def test_class_weights_are_a_list_or_its_text(given: Any) -> None:
    assert make_config({"loss": {"class_weights": given}}).loss.class_weights == [1.0, 2.5, 3.0]


@pytest.mark.parametrize("given", ["heavy", [], [1, -1], [1, "a"], [0, 1], 3, [True, 1], *TEXTS])
def test_class_weights_that_are_none_are_refused_in_one_line(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"loss\.class_weights=.*balanced") as caught:
        make_config({"loss": {"class_weights": given}})
    assert "\n" not in str(caught.value)


# -- in a training -------------------------------------------------------------------

SETTINGS: dict[str, Any] = {"label_smoothing": 0.2, "class_weights": [0.5, 1.0, 3.0]}


def uneven() -> Dataset:
    """Small data with 2, 8 and 19 samples of its classes."""
    data = small_data()
    labels = torch.tensor([0] * 2 + [1] * 8 + [2] * 19)
    train = replace(data.splits["train"], labels=labels)
    return replace(data, splits={**data.splits, "train": train})


@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_the_task_loss_and_the_unimodal_losses_are_trained_by_it(
    gamma: float, tmp_path: Path
) -> None:
    config = small_config(loss={"gamma": gamma, **SETTINGS}, probe={"enabled": False})
    trainer = make_trainer(tmp_path / "run", small_data(), config, silent=True)
    model = trainer.components.model
    trainer.components.batches.begin_epoch()
    batch = next(iter(trainer.components.batches.rest_of_epoch()))
    result = trainer.forward_and_back(Turn(model.modalities), MicroBatch(batch, 1.0))
    found = gradients(model)

    model.zero_grad()
    forward = model(batch)
    outputs = [forward.logits, *(forward.unimodal_logits.values() if gamma else ())]
    losses = [
        functional.cross_entropy(each, batch.labels, WEIGHTS, label_smoothing=0.2)
        for each in outputs
    ]
    total = sum(losses[1:], start=losses[0])
    torch.autograd.backward(total)
    assert result.loss.item() == pytest.approx(total.item(), rel=1e-6)
    expected = gradients(model)
    assert found.keys() == expected.keys()
    for name in found:
        torch.testing.assert_close(found[name], expected[name])


@pytest.mark.parametrize(
    ("method", "fusion", "factor"),
    [("mla", "shared", 1), ("aug", "growing", 1), ("reconboost", "sum", (5 - 1) / 3)],
)
def test_a_turn_is_trained_by_it(method: str, fusion: str, factor: float, tmp_path: Path) -> None:
    config = small_config(method=method, fusion={"kind": fusion}, loss=SETTINGS)
    trainer = make_trainer(tmp_path / "run", small_data(), config, silent=True)
    model = trainer.components.model
    trainer.components.batches.begin_epoch()
    batch = next(iter(trainer.components.batches.rest_of_epoch()))
    turn = trainer.balancing.modulator.turns()[0]
    found = trainer.forward_and_back(turn, MicroBatch(batch, 1.0)).loss
    logits = model(batch).unimodal_logits["audio"]
    expected = functional.cross_entropy(logits, batch.labels, WEIGHTS, label_smoothing=0.2)
    assert found.item() == pytest.approx(factor * expected.item(), rel=1e-5)


def test_the_residual_terms_are_trained_by_it() -> None:
    """Targets of a later layer of aug, and of a later stage of reconboost: label times factor."""
    (logits, labels), w = logits_and_labels(), WEIGHTS.double()
    before, newest, y = logits.flip(0), logits, functional.one_hot(labels, 3).double()
    target = (0.8 * y + 0.2 / 3) * w
    criterion, q = Criterion(0.2, w), before.softmax(1)

    def summed(target: Tensor, z: Tensor) -> float:
        return float(-(target * z.log_softmax(1)).sum() / w[labels].sum())

    expected = summed(target, before + newest) + summed(target, before)
    expected += summed(target * (1 - 0.5 * q), newest)
    found = boosting_loss(torch.stack([before, newest]), labels, 0.5, criterion)
    assert float(found) == pytest.approx(expected, rel=1e-12)

    options = {**section_defaults()["reconboost"], "agreement": 0.0, "variant": "paper"}
    method = ReconBoost(("audio", "visual"), options)
    method.begin_epoch(8)
    outputs = {"audio": before, "visual": newest}
    forward = Forward(Batch({}, labels, criterion=criterion), {}, newest, outputs, labels)
    expected = summed(target * (5 - q), newest)
    assert float(method.stage_loss(forward)) == pytest.approx(expected, rel=1e-12)


def test_what_is_measured_stays_plain(tmp_path: Path) -> None:
    """Evaluations, own losses and scores of the modalities; so a method decides alike."""
    logits, labels = (each[:4] for each in logits_and_labels())
    batch = Batch({}, labels, criterion=Criterion(0.2, WEIGHTS.double()))
    forward = Forward(batch, {}, logits, {"audio": logits}, labels)
    assert loss_of(forward, logits) != loss_of(replace(forward, batch=Batch({}, labels)), logits)

    data = small_data()
    trainer, run = train_small(tmp_path / "run", data, loss=SETTINGS, epochs=1)
    val = evaluate(trainer.components.model, None, data.splits["val"], 8, torch.device("cpu"))
    with torch.no_grad():
        split = data.splits["val"]
        outputs = trainer.components.model.eval()(Batch(split.inputs, split.labels)).logits
    assert val.loss == pytest.approx(functional.cross_entropy(outputs, split.labels).item())
    assert run.column("epochs", "val_loss")[-1] == pytest.approx(val.loss, rel=1e-6)


@pytest.mark.parametrize("method", ["ogm_ge", "boost", "mmpareto", "aug", "reconboost"])
def test_every_method_trains_with_it_and_otherwise(method: str, tmp_path: Path) -> None:
    plain, _ = train_small(tmp_path / "plain", uneven(), method=method, epochs=1)
    ours, run = train_small(tmp_path / "ours", uneven(), method=method, epochs=1, loss=SETTINGS)
    assert any(
        not torch.equal(one, other)
        for one, other in zip(weights(plain).values(), weights(ours).values(), strict=True)
    )
    assert all(math.isfinite(loss) for loss in run.column("steps", "loss").tolist())


def test_balanced_is_the_list_of_its_numbers(tmp_path: Path) -> None:
    listed = [29 / (3 * count) for count in (2, 8, 19)]
    runs = [
        train_small(tmp_path / name, uneven(), epochs=1, loss={"class_weights": given})[0]
        for name, given in (("balanced", "balanced"), ("listed", listed))
    ]
    assert_same_bits(weights(runs[0]), weights(runs[1]))


@pytest.mark.parametrize("mixup", [0.0, 0.4])
@pytest.mark.parametrize("class_weights", ["none", "balanced"])
def test_micro_batches_make_the_same_gradients(
    mixup: float, class_weights: str, tmp_path: Path
) -> None:
    """Their losses are weighted by the weights of their samples, not by their number."""
    made = []
    for accumulate in (1, 3):
        config = small_config(
            batch_size=12,
            mixup=mixup,
            encoder="mlp",
            method="uniform",
            fusion={"kind": "concat", "hidden": 0},
            loss={"class_weights": class_weights, "label_smoothing": 0.1},
            optimizer={"accumulate": accumulate},
            probe={"enabled": False},
        )
        trainer = make_trainer(tmp_path / str(accumulate), uneven(), config, silent=True)
        trainer.components.batches.begin_epoch()
        trainer.step(next(iter(trainer.components.batches.rest_of_epoch())))
        made.append(gradients(trainer.components.model))
    for name in made[0]:
        torch.testing.assert_close(made[0][name], made[1][name], rtol=1e-4, atol=1e-6)


def test_batches_of_evaluation_are_plain() -> None:
    data = small_data()
    assert all(
        batch.criterion is PLAIN for batch in in_order(data.splits["train"], 8, torch.device("cpu"))
    )


@pytest.mark.parametrize("key", ["loss.label_smoothing", "loss.class_weights", "mixup"])
def test_an_external_loop_has_a_criterion_of_its_own(key: str) -> None:
    value = "balanced" if key.endswith("weights") else 0.1
    with pytest.raises(ConfigError, match="the rest is the loop's"):
        loop_config("baseline", "", 0, None, {key: value})
