"""The learning rate of every step against torch's schedulers, which go step by step."""

from __future__ import annotations

from collections.abc import Callable
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
from torch.optim import Optimizer, lr_scheduler

from asgml.core.config.run_config import ConfigError, make_config
from asgml.core.model.schedule import learning_rate

EPOCHS, PER_EPOCH, LR = 20, 7, 0.02
MainSchedule = Callable[[Optimizer], lr_scheduler.LRScheduler]

STEP = ({"decay_every": 3, "decay": 0.5}, lambda o: lr_scheduler.StepLR(o, 3, 0.5))
RARE = ({"decay_every": 70}, lambda o: lr_scheduler.StepLR(o, 70, 0.1))
MULTISTEP = (
    {"schedule": "multistep", "milestones": [2, 7, 8], "decay": 0.3},
    lambda o: lr_scheduler.MultiStepLR(o, [2, 7, 8], 0.3),
)


def cosine(length: int, end: float) -> tuple[dict[str, Any], MainSchedule]:
    settings = {"schedule": "cosine", "min_lr": end}
    return settings, lambda o: lr_scheduler.CosineAnnealingLR(o, length, end)


def sgd() -> Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)


def rates(**optimizer: Any) -> list[float]:
    """The rate of every step of a training."""
    config = make_config({"epochs": EPOCHS, "optimizer": {"lr": LR, **optimizer}})
    return [
        learning_rate(config, LR, epoch=step // PER_EPOCH, step=step)
        for step in range(EPOCHS * PER_EPOCH)
    ]


def torch_rates(optimizer: Optimizer, by_epoch: Any, by_step: Any = None) -> list[float]:
    """The rate of every step where schedulers are stepped as in torch's manual."""
    found = []
    for _ in range(EPOCHS):
        for _ in range(PER_EPOCH):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if by_step is not None:
                by_step.step()
        by_epoch.step()
    return found


@pytest.mark.parametrize(
    ("settings", "schedule"), [STEP, RARE, MULTISTEP, cosine(EPOCHS, 0.0), cosine(EPOCHS, 1e-4)]
)
def test_without_a_warmup(settings: dict[str, Any], schedule: MainSchedule) -> None:
    optimizer = sgd()
    assert rates(**settings) == pytest.approx(torch_rates(optimizer, schedule(optimizer)), rel=1e-9)


@pytest.mark.parametrize(
    ("settings", "schedule"), [STEP, RARE, MULTISTEP, cosine(EPOCHS - 4, 1e-4)]
)
@pytest.mark.parametrize("factor", [0.01, 0.5])
def test_a_warmup_in_epochs_and_then_the_schedule(
    settings: dict[str, Any], schedule: MainSchedule, factor: float
) -> None:
    optimizer = sgd()
    rise = lr_scheduler.LinearLR(optimizer, factor, total_iters=4)
    expected = torch_rates(
        optimizer, lr_scheduler.SequentialLR(optimizer, [rise, schedule(optimizer)], [4])
    )
    found = rates(**settings, warmup_epochs=4, warmup_factor=factor)
    assert found == pytest.approx(expected, rel=1e-9)
    assert found[0] == pytest.approx(LR * factor)


@pytest.mark.parametrize(("settings", "schedule"), [STEP, MULTISTEP, cosine(EPOCHS, 0.0)])
def test_a_warmup_in_steps_times_the_schedule(
    settings: dict[str, Any], schedule: MainSchedule
) -> None:
    """torch's schedulers are taken apart: two of them on one rate depend on their order."""
    one, other = sgd(), sgd()
    idle = lr_scheduler.ConstantLR(one, 1.0)
    rise = torch_rates(one, idle, lr_scheduler.LinearLR(one, 0.2, total_iters=30))
    main = torch_rates(other, schedule(other))
    expected = [a / LR * b for a, b in zip(rise, main, strict=True)]
    found = rates(**settings, warmup_steps=30, warmup_factor=0.2)
    assert found == pytest.approx(expected, rel=1e-9)
    assert found[1] > found[0], "the rate rises within an epoch"


@pytest.mark.parametrize("schedule", ["step", "cosine"])
def test_no_schedule_goes_below_min_lr_nor_lifts_a_lower_rate_to_it(schedule: str) -> None:
    found = rates(schedule=schedule, min_lr=1e-3, decay_every=2, decay=0.1)
    assert min(found) >= 1e-3
    config = make_config({"epochs": EPOCHS, "optimizer": {"schedule": schedule, "min_lr": 1e-3}})
    assert learning_rate(config, 1e-5, epoch=11, step=99) == 1e-5


def test_past_the_last_epoch_a_cosine_stays_at_its_end() -> None:
    config = make_config({"epochs": 5, "optimizer": {"schedule": "cosine", "min_lr": 1e-4}})
    assert learning_rate(config, LR, epoch=9, step=0) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        ({"schedule": "multistep"}, ["optimizer.milestones=[]", "[30, 60]"]),
        ({"schedule": "multistep", "milestones": [5, 5]}, ["[5, 5]", "rising"]),
        ({"schedule": "multistep", "milestones": [0, 5]}, ["[0, 5]", "from 1 on"]),
        ({"milestones": [5]}, ["optimizer.schedule=step", "multistep"]),
        ({"warmup_epochs": 2, "warmup_steps": 9}, ["warmup_steps=9", "one length"]),
        ({"warmup_epochs": 100}, ["warmup_epochs=100", "epochs=100", "at most 99"]),
        ({"schedule": "exponential"}, ["optimizer.schedule", "cosine"]),
    ],
)
def test_settings_that_mean_nothing_are_refused(optimizer: Any, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        make_config({"optimizer": optimizer})
    assert all(word in str(caught.value) for word in words) and "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "milestones"), [(30, [30]), ("30,60", [30, 60])])
def test_milestones_of_the_command_line(text: Any, milestones: list[int]) -> None:
    config = make_config({"optimizer": {"schedule": "multistep", "milestones": text}})
    assert config.optimizer.milestones == milestones


# -- in a training -------------------------------------------------------------------

COSINE = {"optimizer": {"lr": 0.05, "schedule": "cosine", "warmup_steps": 6}, "epochs": 4}


def test_the_recorded_rate_is_that_of_the_schedule(tmp_path: Path) -> None:
    trainer, run = train_small(tmp_path / "run", **COSINE)
    steps = run.column("steps", "step")
    per_epoch = len(steps) // 4
    expected = [
        learning_rate(trainer.config, 0.05, epoch=step // per_epoch, step=step)
        for step in range(len(steps))
    ]
    assert run.column("steps", "lr").tolist() == pytest.approx(expected, rel=1e-6)
    assert len(set(expected)) > 6


def test_a_knob_that_is_turned_and_a_resume_keep_to_the_schedule(tmp_path: Path) -> None:
    """Stopped inside the warm-up, after the rate was set: the same bits as without the stop."""
    whole = make_trainer(tmp_path / "whole", small_data(), small_config(**COSINE))
    after_steps(whole, {2: lambda: whole.run.live_settings.set("lr", 0.02)})
    rows = train(whole).column("steps", "lr").tolist()
    assert max(rows) < 0.021 and rows[-1] < 0.01

    halved = make_trainer(tmp_path / "halved", small_data(), small_config(**COSINE))
    after_steps(
        halved,
        {
            2: lambda: halved.run.live_settings.set("lr", 0.02),
            4: lambda: halved.run.command_handler.stop(),
        },
    )
    train(halved)
    resumed = resume_trainer(tmp_path / "halved", small_data(), small_config(**COSINE))
    assert train(resumed).column("steps", "lr").tolist() == rows
    assert_same_bits(weights(resumed), weights(whole))
