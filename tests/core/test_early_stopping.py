"""Early stopping: the training ends after some evaluations without a better validation score."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from core_kit import (
    assert_same_bits,
    make_trainer,
    resume_trainer,
    small_config,
    small_data,
    train,
    weights,
)
from hypothesis import given
from hypothesis import strategies as st

from asgml.core.config.training_sections import EarlyStoppingConfig
from asgml.core.measures.task import CLASSIFICATION
from asgml.core.training.early_stopping import EarlyStopping
from asgml.core.training.trainer import Trainer
from asgml.storage.format.status import State
from asgml.storage.read.reader import Run

SCORES = [0.3, 0.5, 0.5, 0.4, 0.5, 0.9]
"""With patience 3 the training ends with the fifth evaluation: 0.5 again is no better."""


def evaluations(scores: Sequence[float], patience: int, min_delta: float = 0.0) -> int:
    """The number of evaluations until the end, that of all scores where it is not reached."""
    stopping = EarlyStopping(EarlyStoppingConfig(patience=patience, min_delta=min_delta))
    for number, score in enumerate(scores, 1):
        stopping.observe(score)
        if stopping.exhausted:
            return number
    return len(scores)


@pytest.mark.parametrize(
    ("patience", "min_delta", "end"),
    [(0, 0, 6), (1, 0, 3), (2, 0, 4), (3, 0, 5), (4, 0, 6), (1, 0.2, 2), (2, 0.3, 3), (3, 0.19, 5)],
)
def test_the_last_evaluation(patience: int, min_delta: float, end: int) -> None:
    assert evaluations(SCORES, patience, min_delta) == end


@given(st.lists(st.floats(allow_nan=True), max_size=30), st.integers(1, 6), st.floats(0, 1))
def test_it_never_ends_before_patience_nor_while_each_score_is_better(
    scores: list[float], patience: int, min_delta: float
) -> None:
    end = evaluations(scores, patience, min_delta)
    assert end >= min(patience, len(scores))
    rising = [float(i) * 2 for i in range(len(scores))]
    assert evaluations(rising, patience, min_delta) == len(scores)


def test_a_score_that_is_not_a_number_is_never_better() -> None:
    assert evaluations([math.nan] * 5, 3) == 3
    assert evaluations([-math.inf] * 5, 3) == 3


# -- in a training -------------------------------------------------------------------


def stopped_early(root: Path, *, scores: Sequence[float] = SCORES, every: int = 1) -> Trainer:
    """A trainer of a run of ten epochs whose validation scores are these."""
    config = small_config(epochs=10, early_stopping={"patience": 3}, eval={"every": every})
    trainer = make_trainer(root, small_data(), config)
    told = iter(scores)
    trainer.selection.task.score = lambda val: next(told)  # type: ignore[method-assign]
    return trainer


@pytest.fixture(autouse=True)
def _scores_of_the_task() -> Iterator[None]:
    """The task is one object for all trainings."""
    yield
    CLASSIFICATION.__dict__.pop("score", None)


def told(run: Run) -> list[str]:
    return [str(event.get("message")) for event in run.events if event.kind == "phase"]


def test_the_run_is_finished_early_with_a_reason_and_the_test_at_its_end(tmp_path: Path) -> None:
    trainer = stopped_early(tmp_path / "run")
    run = train(trainer)
    assert run.state() == "finished"
    assert trainer.run.epoch == len(run.column("epochs", "val_accuracy")) == 5
    (message,) = [line for line in told(run) if "early" in line]
    assert "3 evaluations without" in message and "0.5" in message
    assert "after 5 of 10 epochs" in message
    kinds = [event.kind for event in run.events]
    assert kinds.index("evaluation") > kinds.index("phase") and kinds[-1] == "finished"
    assert math.isfinite(run.column("epochs", "test_accuracy_at_best_val")[-1])
    best = [event.get("model") for event in run.events if event.get("split") == "test"]
    assert best == [f"best validation accuracy, step {2 * trainer.run.step // 5}"]


def test_patience_is_counted_in_evaluations(tmp_path: Path) -> None:
    trainer = stopped_early(tmp_path / "run", every=2)
    assert train(trainer).state() == "finished"
    assert trainer.run.epoch == 10, "five evaluations are ten epochs"


def test_a_training_that_gets_better_and_better_goes_to_its_end(tmp_path: Path) -> None:
    trainer = stopped_early(tmp_path / "run", scores=[i / 10 for i in range(10)])
    assert not [line for line in told(train(trainer)) if "early" in line]
    assert trainer.run.epoch == 10


def test_a_resumed_run_counts_on_and_one_that_had_ended_stays_ended(tmp_path: Path) -> None:
    whole = stopped_early(tmp_path / "whole")
    train(whole)
    halved = stopped_early(tmp_path / "halved")
    end_epoch = halved.end_epoch

    def stop_after_three() -> None:
        end_epoch()
        if halved.run.epoch == 3:
            halved.run.command_handler.stop()

    halved.end_epoch = stop_after_three  # type: ignore[method-assign]
    train(halved)
    assert halved.run.epoch == 3
    resumed = resume_trainer(tmp_path / "halved", small_data(), halved.config)
    rest = iter(SCORES[3:])
    resumed.selection.task.score = lambda val: next(rest)  # type: ignore[method-assign]
    train(resumed)
    assert resumed.run.epoch == 5
    assert_same_bits(weights(resumed), weights(whole))

    again = resume_trainer(tmp_path / "halved", small_data(), halved.config)
    assert again.train() is State.FINISHED
    assert again.run.step == whole.run.step
    again.run.close(State.FINISHED)
