"""MSES: when a modality is stopped, by loops; what it goes back to; resuming, warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import (
    Bench,
    after_steps,
    assert_same_bits,
    make_trainer,
    resume_trainer,
    small_config,
    small_data,
    through_a_file,
    train,
    weights,
)
from methods_kit import AV, inner, near, nudge
from torch.nn import functional

from asgml.core.measures.evaluate import evaluate
from asgml.core.methods.registry import RegistryError, parse_method
from asgml.core.training.length_warnings import too_short
from asgml.core.types import Evaluation


def evaluation(audio: float, visual: float = 0.0) -> Evaluation:
    return Evaluation(1.0, 0.5, {}, {}, {}, {"audio": audio, "visual": visual})


LOSSES = [1.0, 0.7, 0.5, 0.62, 0.5, 0.9, 0.8, 1.2, 1.0, 0.3]
"""Least compared loss, 0.6 V(e - 1) + 0.4 V(e): 0.58 in epoch 2, then 0.548 in epoch 3, and so on.

1, 0.88, 0.62, 0.548, 0.572, 0.66, 0.86, 0.96, 1.12, 0.72: the least is that of epoch 3.
"""


@pytest.mark.parametrize(("patience", "stops"), [(0, 4), (1, 5), (3, 7), (5, 9), (6, 99)])
def test_when_a_modality_is_stopped(patience: int, stops: int) -> None:
    """More than `patience` epochs after the least, of the losses worked out above."""
    bench = Bench("mses", AV, mses={"patience": patience})
    method = inner(bench, "mses")
    for epoch, loss in enumerate(LOSSES):
        method.end_epoch(epoch, evaluation(loss, 1.0 / (epoch + 1)))
        assert method.stopped == {"audio": epoch >= stops, "visual": False}
        gain = bench.modulate().gain("audio")
        assert float(gain) == (0.0 if epoch >= stops else 1.0)
    assert method.least["audio"] == near(0.548)
    assert method.best_epoch["audio"] == 3


@pytest.mark.parametrize("restore", ["model", "no"])
@pytest.mark.parametrize("strength", [1.0, 0.25])
def test_the_model_goes_back_to_the_best_epoch_once(restore: str, strength: float) -> None:
    options = {"patience": 0, "restore": restore, "strength": strength}
    bench = Bench("mses", AV, mses=options)
    states = []
    for epoch, loss in enumerate([1.0, 0.5, 1.5]):
        bench.modulator.begin_epoch(epoch)
        nudge(bench, 1.3)
        states.append(weights(bench.trainer))
        bench.modulator.end_epoch(epoch, evaluation(loss, 1.0 / (epoch + 1)))
    bench.modulator.begin_epoch(3)
    share = strength if restore == "model" else 0.0
    for name, value in weights(bench.trainer).items():
        if value.is_floating_point():
            expected = (1 - share) * states[2][name] + share * states[1][name]
            torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-6, msg=name)
    nudge(bench, 1.3)
    later = weights(bench.trainer)
    bench.modulator.end_epoch(3, evaluation(2.0, 0.1))
    bench.modulator.begin_epoch(4)
    assert_same_bits(weights(bench.trainer), later)
    assert float(bench.modulate().gain("audio")) == 1 - strength


def test_only_weights_that_may_be_needed_are_kept() -> None:
    bench = Bench("mses", AV, mses={"patience": 1})
    method = inner(bench, "mses")
    for epoch, (audio, visual) in enumerate([(1.0, 1.0), (0.5, 2.0), (0.4, 3.0), (0.3, 3.0)]):
        method.end_epoch(epoch, evaluation(audio, visual))
        assert set(method.snapshots) == {epoch, 0} if epoch < 3 else {epoch}


def test_the_evaluation_has_the_losses_of_each_modality() -> None:
    bench = Bench("baseline", AV)
    val = bench.components.data.splits["val"]
    found = evaluate(bench.model, None, val, 5, torch.device("cpu")).unimodal_loss
    bench.model.eval()
    features = bench.model.encode(val.inputs)
    for m, logits in bench.model.fusion.unimodal_logits(features).items():
        assert found[m] == near(float(functional.cross_entropy(logits, val.labels).detach()))


@pytest.mark.parametrize("where", [5, 8])
def test_a_resumed_training_is_the_same(where: int, tmp_path: Path) -> None:
    """Step 8 ends an epoch: what is to go back at the beginning of the next one is in the state."""
    config = small_config(method="mses", mses={"patience": 0}, optimizer={"lr": 0.5}, epochs=4)
    whole = make_trainer(tmp_path / "whole", small_data(), config)
    train(whole)
    assert any(inner_of(whole).stopped.values()), "the test sees nothing"
    stopped = make_trainer(tmp_path / "stopped", small_data(), config)
    after_steps(stopped, {where: stopped.run.command_handler.stop})
    train(stopped)
    resumed = resume_trainer(tmp_path / "stopped", small_data(), config)
    train(resumed)
    assert_same_bits(weights(resumed), weights(whole))


def inner_of(trainer: Any) -> Any:
    return trainer.balancing.modulator.members["mses"].inner


def test_what_is_to_go_back_survives_a_checkpoint() -> None:
    ours, theirs = (Bench("mses", AV, mses={"patience": 0}) for _ in range(2))
    for bench in (ours, theirs):
        bench.modulator.begin_epoch(0)
    ours.modulator.end_epoch(0, evaluation(0.5, 1.0))
    for bench in (ours, theirs):
        nudge(bench, 1.3)
    ours.modulator.end_epoch(1, evaluation(0.9, 0.5))
    theirs.modulator.load_state_dict(through_a_file(ours.modulator.state_dict()))
    before = weights(theirs.trainer)
    for bench in (ours, theirs):
        bench.modulator.begin_epoch(2)
    assert_same_bits(weights(theirs.trainer), weights(ours.trainer))
    assert any(not torch.equal(before[n], value) for n, value in weights(theirs.trainer).items())


@pytest.mark.parametrize(("epochs", "warned"), [(80, True), (82, True), (83, False), (0, False)])
def test_a_training_too_short_to_stop_anything_is_told(epochs: int, warned: bool) -> None:
    config = small_config(method="mses")
    found = [text for text in too_short(config, epochs, 0) if text.startswith("mses.patience=80")]
    assert len(found) == warned


def test_two_methods_that_move_weights_are_refused() -> None:
    with pytest.raises(RegistryError, match="both move weights between epochs"):
        parse_method("relearning+mses")
