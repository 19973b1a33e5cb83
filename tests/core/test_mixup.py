"""Mixup: one share and one permutation for all modalities, from a generator of its own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import (
    after_steps,
    assert_same_bits,
    make_trainer,
    resume_trainer,
    small_config,
    small_data,
    train,
    train_small,
    weights,
)
from torch.nn import functional

from asgml.core.measures.task import CLASSIFICATION, REGRESSION, loss_of
from asgml.core.methods.registry import METHODS
from asgml.core.methods.spec import MethodError
from asgml.core.run import checkpoint
from asgml.core.training.mixup import Mixup, make_mixup
from asgml.core.types import Batch, Mix


def numbered(samples: int = 64) -> Batch:
    """Samples whose inputs are their numbers, in shapes that differ by modality."""
    numbers = torch.arange(samples, dtype=torch.float32)
    inputs = {"audio": numbers.view(-1, 1, 1).expand(-1, 2, 3), "visual": 100 * numbers.view(-1, 1)}
    return Batch(inputs, torch.arange(samples) % 5)


def mixed(alpha: float = 0.4, seed: int = 3) -> tuple[Batch, Mix]:
    batch = Mixup(alpha, seed).mix(numbered())
    assert batch.mix is not None
    return batch, batch.mix


def test_every_modality_is_mixed_by_the_same_share_with_the_same_partner() -> None:
    batch, mix = mixed()
    own = torch.arange(64, dtype=torch.float32)
    partners = (batch.inputs["audio"][:, 0, 0] - (1 - mix.share) * own) / mix.share
    rounded = partners.round()
    torch.testing.assert_close(partners, rounded, atol=1e-2, rtol=0)
    assert sorted(rounded.tolist()) == own.tolist(), "the partners are a permutation"
    assert torch.equal(mix.labels, rounded.long() % 5)
    torch.testing.assert_close(batch.inputs["visual"][:, 0], 100 * batch.inputs["audio"][:, 1, 2])
    assert torch.equal(batch.labels, numbered().labels), "labels are those of the larger parts"


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_those_of_the_beta_distribution(alpha: float) -> None:
    """E min(t, 1 - t) of Beta(alpha, alpha), by the trapezoid rule."""
    mixup, batch = Mixup(alpha, 0), numbered(2)
    shares = []
    for _ in range(4000):
        mix = mixup.mix(batch).mix
        assert mix is not None and 0 <= mix.share <= 0.5
        shares.append(mix.share)
    at = torch.linspace(0, 1, 200_001, dtype=torch.float64)[1:-1]
    density = (at * (1 - at)) ** (alpha - 1)
    expected = (torch.minimum(at, 1 - at) * density).sum() / density.sum()
    assert math.fsum(shares) / len(shares) == pytest.approx(expected.item(), abs=0.01)


def test_without_it_the_batch_is_the_same_object_and_nothing_is_drawn() -> None:
    mixup, batch = Mixup(0.0, 0), numbered()
    before = mixup.generator.get_state()
    assert mixup.mix(batch) is batch
    assert torch.equal(mixup.generator.get_state(), before)


def test_torchs_own_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    mixed()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_restored_state_goes_on_with_the_same_mixtures() -> None:
    one, other = Mixup(0.4, 1), Mixup(0.4, 2)
    one.mix(numbered())
    other.load_state_dict(one.state_dict())
    for _ in range(2):
        assert torch.equal(
            one.mix(numbered()).inputs["audio"], other.mix(numbered()).inputs["audio"]
        )


# -- in a training -------------------------------------------------------------------


def test_a_step_trains_on_the_mixed_batch_by_both_classes(tmp_path: Path) -> None:
    """The first step of a training by hand; the accuracy counts the class of the larger part."""
    config = small_config(mixup=1.0, loss={"gamma": 1.0})
    trainer = make_trainer(tmp_path / "run", small_data(), config, silent=True)
    trainer.components.batches.begin_epoch()
    batch = next(iter(trainer.components.batches.rest_of_epoch()))
    twin = make_mixup(config, CLASSIFICATION)
    by_hand = twin.mix(batch)
    assert by_hand.mix is not None
    forward = trainer.components.model(by_hand)
    share = by_hand.mix.share
    expected = (1 - share) * functional.cross_entropy(forward.logits, batch.labels)
    expected = expected + share * functional.cross_entropy(forward.logits, by_hand.mix.labels)
    assert loss_of(forward, forward.logits).item() == pytest.approx(expected.item(), rel=1e-6)
    found = trainer.step(batch)
    assert torch.equal(found.batch.inputs["audio"], by_hand.inputs["audio"])
    assert torch.equal(found.labels, batch.labels)


def test_a_resumed_training_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    config = small_config(mixup=0.4, method="uniform")
    whole = make_trainer(tmp_path / "whole", small_data(), config)
    train(whole)
    halved = make_trainer(tmp_path / "halved", small_data(), config)
    after_steps(halved, {5: lambda: halved.run.command_handler.stop()})
    train(halved)
    resumed = resume_trainer(tmp_path / "halved", small_data(), config)
    train(resumed)
    assert_same_bits(weights(resumed), weights(whole))
    state = checkpoint.load(checkpoint.newest(tmp_path / "halved" / "checkpoints"))  # type: ignore[arg-type]
    assert "generator" in state["mixup"]


def test_it_changes_the_training(tmp_path: Path) -> None:
    plain, _ = train_small(tmp_path / "plain", epochs=1)
    ours, run = train_small(tmp_path / "ours", epochs=1, mixup=1.0)
    assert weights(plain).keys() == weights(ours).keys()
    assert any(not torch.equal(weights(plain)[name], weights(ours)[name]) for name in weights(ours))
    assert all(math.isfinite(loss) for loss in run.column("steps", "loss").tolist())


REFUSED = {
    **dict.fromkeys(
        ["ogm", "ogm_ge", "ogm_star", "pmr_acc", "mlb", "opm", "arl", "agm", "pmr", "inforeg"],
        "two classes",
    ),
    **dict.fromkeys(
        ["valuation", "reconboost", "aug", "smp", "g2d"],
        "two classes",
    ),
    "cggm": "direction=True",
    "g_blending": "unmixed samples",
}


@pytest.mark.parametrize("method", METHODS)
def test_a_method_trains_on_mixed_samples_or_says_why_not(method: str, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"method": method, "mixup": 0.4, "epochs": 2}
    if method in REFUSED:
        with pytest.raises(MethodError, match=REFUSED[method]) as caught:
            make_trainer(tmp_path / "run", small_data(), small_config(**changes))
        assert method in str(caught.value) and "\n" not in str(caught.value)
        return
    _, run = train_small(tmp_path / "run", **changes)
    assert all(math.isfinite(loss) for loss in run.column("steps", "loss").tolist())


@pytest.mark.parametrize("method", ["lfm", "mmcosine"])
def test_a_loss_in_place_of_the_joint_one_is_that_of_both_classes(
    method: str, tmp_path: Path
) -> None:
    """Written out, on one mixed batch; lfm begins with the constant of its fitted weight."""
    config = small_config(method=method, mixup=1.0)
    trainer = make_trainer(tmp_path / "run", small_data(), config, silent=True)
    components = trainer.components
    components.balancing.modulator.begin_epoch(0)
    components.batches.begin_epoch()
    batch = components.mixup.mix(next(iter(components.batches.rest_of_epoch())))
    forward = components.model(batch)
    assert batch.mix is not None and 0 < batch.mix.share < 0.5
    assert not torch.equal(batch.mix.labels, batch.labels)

    def both(logits: torch.Tensor) -> torch.Tensor:
        ours, theirs = (functional.cross_entropy(logits, y) for y in (batch.labels, partners))
        return ours + share * (theirs - ours)

    partners, share = batch.mix.labels, batch.mix.share
    if method == "lfm":
        p, q = (z.softmax(dim=1) for z in forward.unimodal_logits.values())
        middle = (p + q) / 2
        halves = (functional.kl_div(r.log(), middle, reduction="batchmean") for r in (p, q))
        weight = 7.95376296e-01
        expected = 2 * ((1 - weight) * both(forward.logits / 2) + weight * sum(halves) / 2)
    else:
        weights = components.model.fusion.weights_by_modality
        assert weights is not None
        cosines = [
            functional.cosine_similarity(forward.features[m].unsqueeze(1), w.unsqueeze(0), dim=2)
            for m, w in weights.items()
        ]
        expected = both(10 * sum(cosines))  # type: ignore[arg-type]
    found = both(forward.logits) + components.balancing.modulator.loss(forward)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_lfm_trains_on_mixed_samples_with_any_weight(tmp_path: Path) -> None:
    _, run = train_small(tmp_path / "run", method="lfm", mixup=0.4, lfm={"weight": "learned"})
    assert all(math.isfinite(loss) for loss in run.column("steps", "loss").tolist())


def test_the_boost_by_its_losses_is_refused_and_by_its_probes_not() -> None:
    with pytest.raises(MethodError, match="boost"):
        make_mixup(
            small_config(mixup=0.4, method="boost", boost={"signal": "loss"}), CLASSIFICATION
        )
    assert make_mixup(small_config(mixup=0.4, method="boost"), CLASSIFICATION).alpha == 0.4


def test_a_regression_is_refused() -> None:
    with pytest.raises(MethodError, match=r"mixup=0\.4 in a regression"):
        make_mixup(small_config(mixup=0.4), REGRESSION)


def test_tokens_are_refused() -> None:
    batch = Batch({"text": torch.ones(4, 3, dtype=torch.int64)}, torch.arange(4))
    with pytest.raises(MethodError, match=r"'text' has inputs of torch\.int64"):
        Mixup(0.4, 0).mix(batch)
