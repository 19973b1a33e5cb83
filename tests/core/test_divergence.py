"""Divergence: a loss that is no finite number ends the training, is skipped, or is told."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from core_kit import (
    after_steps,
    assert_same_bits,
    assert_same_rows,
    make_trainer,
    resume_trainer,
    rows_of,
    small_config,
    small_data,
    train,
    train_small,
    weights,
)
from hypothesis import given
from hypothesis import strategies as st

from asgml.core import worker
from asgml.core.measures.finite import all_finite, tensors_in
from asgml.core.methods.registry import METHODS
from asgml.core.run import checkpoint
from asgml.core.run.command_checks import RefusedError
from asgml.core.training.trainer import Trainer
from asgml.core.types import Batch
from asgml.storage.format.events import Event
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run

EPOCH = 4
"""Steps of an epoch of the small data in batches of 8."""


def poison(trainer: Trainer, *steps: int, value: float = math.nan) -> Trainer:
    """The trainer, given batches of NaN (or infinity) in these steps, counted from 1."""
    real = trainer.step

    def step(batch: Batch) -> Any:
        if trainer.run.step + 1 in steps:
            batch = replace(batch, inputs={m: x * value for m, x in batch.inputs.items()})
        return real(batch)

    trainer.step = step  # type: ignore[method-assign]
    return trainer


def break_weights(trainer: Trainer) -> None:
    with torch.no_grad():
        next(trainer.components.model.fusion.parameters()).fill_(math.nan)


def small_trainer(root: Path, **changes: Any) -> Trainer:
    return make_trainer(root, small_data(), small_config(**changes))


def end_of(run: Run) -> Event:
    ends = [event for event in run.events if event.kind == "diverged"]
    assert len(ends) == 1
    return ends[0]


def alerts_of(run: Run) -> list[str]:
    return [str(event.get("message")) for event in run.events if event.kind == "alert"]


def saved_steps(run: Run) -> list[int]:
    return sorted(map(checkpoint.step_of, checkpoint.saved(run.paths.checkpoints)))


# -- stop ----------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_stop_ends_the_run_at_the_step_and_names_the_last_sound_checkpoint(
    value: float, tmp_path: Path
) -> None:
    trainer = poison(small_trainer(tmp_path / "run"), EPOCH + 2, value=value)
    before: list[dict[str, torch.Tensor]] = []
    after_steps(trainer, {EPOCH + 1: lambda: before.append(parameters(trainer))})
    run = train(trainer)
    assert run.state() == "diverged" and run.head is not None and run.head.step == EPOCH + 2
    end = end_of(run)
    assert end.get("column") == "loss" and end.get("at") == EPOCH + 2
    assert end.get("checkpoint") == EPOCH == saved_steps(run)[-1]
    assert f"at step {EPOCH + 2}; the last sound checkpoint is of step {EPOCH}" in end.get(
        "message"
    )
    assert_same_bits(parameters(trainer), before[0])  # the update of the step was not taken


def parameters(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in trainer.components.model.named_parameters()}


def test_without_a_checkpoint_that_early_none_is_named(tmp_path: Path) -> None:
    run = train(poison(small_trainer(tmp_path / "run"), 2))
    assert end_of(run).get("checkpoint") is None and saved_steps(run) == []
    assert "no checkpoint is that early" in end_of(run).get("message")


def test_the_exit_code_of_a_diverged_training_is_five(tmp_path: Path) -> None:
    assert worker.train(poison(small_trainer(tmp_path / "run"), 3)) == 5
    assert worker.train(small_trainer(tmp_path / "sound")) == 0


def test_without_a_look_at_once_the_rows_tell_and_the_first_fault_is_named(tmp_path: Path) -> None:
    """As on a GPU: no step waits, and what ends the training is what the writer has seen."""
    trainer = poison(small_trainer(tmp_path / "run", epochs=6), *range(3, 7))
    trainer.divergence._at_once = False
    after_steps(trainer, {6: trainer.run.recorder.publish})
    run = train(trainer)
    assert run.state() == "diverged" and run.head is not None and run.head.step == 6
    assert end_of(run).get("at") == 3 and end_of(run).get("checkpoint") is None
    assert saved_steps(run) == [] and not list(run.paths.checkpoints.glob("best-*"))


def test_a_resumed_run_goes_on_from_the_last_sound_checkpoint(tmp_path: Path) -> None:
    data, config = small_data(), small_config()
    train(poison(make_trainer(tmp_path / "run", data, config), EPOCH + 2))
    again = resume_trainer(tmp_path / "run", data, config)
    assert again.run.step == EPOCH
    run = train(again)
    assert run.state() == "finished"
    whole, _ = train_small(tmp_path / "whole", data)
    assert_same_bits(weights(again), weights(whole))


# -- skip ----------------------------------------------------------------------------


OFTEN = ("baseline", "ogm_ge", "boost", "g2d", "mla", "pmr", "aug")
"""Methods that keep something of a step, or count steps; the others are tried by `-m slow`."""


@pytest.mark.parametrize(
    "method",
    [
        name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow)
        for name, row in METHODS.items()
        if row.fewest <= 2
    ],
)
def test_a_skipped_batch_leaves_no_trace_in_the_training(method: str, tmp_path: Path) -> None:
    """The twin is never shown that batch: the same weights, optimizer, methods and probes."""
    changes = {"method": method, "on_nan": "skip", "epochs": 2}
    skipping = poison(small_trainer(tmp_path / "skipping", **changes), 3)
    run = train(skipping)
    twin = small_trainer(tmp_path / "twin", **changes)
    real = twin.step

    def step(batch: Batch) -> Any:
        if twin.run.step + 1 == 3:
            twin.run.step += 1
            twin.balancing.modulator.turns()  # what a method counts is the batches that came
            twin.divergence.left_out = True
            return None
        return real(batch)

    twin.step = step  # type: ignore[method-assign]
    train(twin)
    assert run.state() == "finished"
    assert_same_bits(weights(skipping), weights(twin))
    ours, theirs = skipping.state_dict(), twin.state_dict()
    for part in ("optimizer", "probes", "modulator"):
        assert all_finite(tensors_in(ours[part]))
        same = zip(tensors_in(ours[part]), tensors_in(theirs[part]), strict=True)
        assert all(torch.equal(a, b) for a, b in same), part
    assert np.isfinite(rows_of(run, "epochs")["train_loss"]).all()


def test_each_outage_is_told_once_with_its_end_and_counted(tmp_path: Path) -> None:
    trainer = poison(small_trainer(tmp_path / "run", on_nan="skip"), 2, 3, 6)
    run = train(trainer)
    assert run.state() == "finished" and run.rows("steps") == 3 * EPOCH
    told = [text for text in alerts_of(run) if "left out" in text]
    assert told == [
        f"loss is nan at step {n}: the update is left out (on_nan = skip)" for n in (2, 6)
    ]
    ends = [event for event in run.events if event.get("part") == "on_nan"]
    assert [(event.step, event.get("skipped")) for event in ends] == [(4, 2), (7, 1)]
    assert run.column("steps", "skipped_steps")[-1] == 3
    assert np.isnan(run.column("steps", "loss")[[1, 2, 5]]).all()


def test_an_outage_to_the_end_is_a_divergence_and_pushes_no_checkpoint_out(tmp_path: Path) -> None:
    trainer = poison(small_trainer(tmp_path / "run", on_nan="skip", epochs=5), *range(6, 21))
    run = train(trainer)
    assert run.state() == "diverged" and saved_steps(run) == [EPOCH]
    assert end_of(run).get("at") == 6 and end_of(run).get("checkpoint") == EPOCH
    assert sum("no checkpoint" in text for text in alerts_of(run)) == 1


def test_broken_weights_end_a_training_that_skips(tmp_path: Path) -> None:
    trainer = small_trainer(tmp_path / "run", on_nan="skip", epochs=5)
    after_steps(trainer, {5: lambda: break_weights(trainer)})
    run = train(trainer)
    assert run.state() == "diverged" and run.head is not None and run.head.step == 6


# -- go, and what is kept --------------------------------------------------------------


def test_go_trains_to_the_end_and_is_told_as_diverged(tmp_path: Path) -> None:
    trainer = small_trainer(tmp_path / "run", on_nan="go", epochs=5)
    after_steps(trainer, {EPOCH + 1: lambda: break_weights(trainer)})
    run = train(trainer)
    assert run.state() == "diverged" and run.rows("steps") == 5 * EPOCH
    assert end_of(run).get("at") == EPOCH + 2 and end_of(run).get("checkpoint") == EPOCH
    assert saved_steps(run) == [EPOCH] and trainer.selection.best.step == EPOCH
    kept = [path for path in run.paths.checkpoints.glob("*.pt")]
    assert all(all_finite(tensors_in(checkpoint.load(path)["model"])) for path in kept)
    assert sum("no checkpoint" in text for text in alerts_of(run)) == 1
    best = rows_of(run, "epochs")["best_val_accuracy"]
    assert (best == best[0]).all()


def test_no_model_is_best_where_none_was_ever_sound(tmp_path: Path) -> None:
    trainer = small_trainer(tmp_path / "run", on_nan="go", epochs=2)
    after_steps(trainer, {1: lambda: break_weights(trainer)})
    run = train(trainer)
    assert run.state() == "diverged" and not list(run.paths.checkpoints.glob("*.pt"))
    epochs = rows_of(run, "epochs")
    assert np.isnan(epochs["best_val_accuracy"]).all()
    assert np.isnan(epochs["test_accuracy_at_best_val"]).all()


def test_a_stopped_training_with_broken_weights_has_diverged(tmp_path: Path) -> None:
    trainer = small_trainer(tmp_path / "run", on_nan="go", epochs=5)
    stop = trainer.run.command_handler.stop
    after_steps(trainer, {5: lambda: break_weights(trainer), 7: stop})
    run = train(trainer)
    assert run.state() == "diverged" and saved_steps(run) == [EPOCH]


def test_a_checkpoint_that_is_asked_for_is_refused_where_nothing_could_go_on(
    tmp_path: Path,
) -> None:
    trainer = small_trainer(tmp_path / "run")
    trainer.save_checkpoint("asked for")
    state = trainer.components.optimizer.state
    train(trainer)
    assert state
    next(iter(state.values()))["momentum_buffer"].fill_(math.inf)
    with pytest.raises(RefusedError, match="not finite"):
        trainer.training_state.save("asked for")


# -- what is no divergence ---------------------------------------------------------------


@pytest.mark.parametrize("method", ["baseline", "ogm_ge+boost"])
def test_no_setting_changes_a_bit_of_a_training_that_stays_finite(
    method: str, tmp_path: Path
) -> None:
    found = {
        name: train_small(tmp_path / name, method=method, on_nan=name)
        for name in ("stop", "skip", "go")
    }
    for name in ("skip", "go"):
        assert_same_bits(weights(found[name][0]), weights(found["stop"][0]))
        assert_same_rows(found[name][1], found["stop"][1])
    assert {run.state() for _, run in found.values()} == {"finished"}


def test_the_end_is_judged_by_weights_and_loss(tmp_path: Path) -> None:
    trainer = small_trainer(tmp_path / "run")
    train(trainer)
    assert trainer.divergence.judge(State.FINISHED) is State.FINISHED


# -- finite ------------------------------------------------------------------------------

NUMBERS = st.lists(
    st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=4), max_size=5
)


@given(NUMBERS)
def test_all_finite_is_what_a_look_at_each_number_says(lists: list[list[float]]) -> None:
    tensors = [torch.tensor(numbers) for numbers in lists]
    expected = all(math.isfinite(number) for numbers in lists for number in numbers)
    assert all_finite(tensors) == expected
    assert all_finite([*tensors, torch.tensor([1, 2])]) == expected


def test_tensors_are_found_in_nested_states() -> None:
    one, two, three = (torch.tensor(float(i)) for i in range(3))
    state = {"a": one, "b": [two, {"c": (three, "text", 1)}], "d": None}
    assert [float(t) for t in tensors_in(state)] == [0.0, 1.0, 2.0]
