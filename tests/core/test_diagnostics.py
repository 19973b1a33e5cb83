"""Diagnostics: the formulas against slow twins and golden numbers; they change no training."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from core_kit import (
    SHAPES,
    after_steps,
    assert_same_bits,
    assert_same_rows,
    make_trainer,
    modalities,
    resume_trainer,
    small_config,
    small_data,
    train,
    train_small,
    weights,
)
from torch import Tensor
from torch.nn import functional

from asgml.core.measures.shapley import Subset
from asgml.core.measures.task import correct
from asgml.core.run.system_monitor import MIB, SystemMonitor
from asgml.core.training.diagnostics import change_ratio, relative_to_mean
from asgml.core.training.modality_contribution import conditional_utilization, contribution_row
from asgml.core.types import Batch
from asgml.storage.format.metrics import METRICS
from asgml.storage.read.reader import Run

NAMES = ("audio", "visual")
SIX_DIGITS = 6e-7


def near(expected: object) -> object:
    return pytest.approx(expected, abs=SIX_DIGITS)


# -- it changes nothing --------------------------------------------------------------


@pytest.mark.parametrize("method", ["baseline", "ogm_ge+boost", "mmpareto", "opm"])
def test_diagnosing_changes_nothing(method: str, tmp_path: Path) -> None:
    """Not a weight, not a running mean, and no random number is drawn."""
    ended = []
    for name, diagnose in (
        ("off", {"every": 0, "shapley": False}),
        ("on", {"every": 1, "shapley": True}),
    ):
        trainer, run = train_small(tmp_path / name, small_data(), method=method, diagnose=diagnose)
        ended.append((weights(trainer), torch.get_rng_state(), run))
    (plain, drawn, off), (diagnosed, drawn_too, on) = ended
    assert_same_bits(plain, diagnosed)
    assert torch.equal(drawn, drawn_too)
    assert (
        np.isnan(off.column("epochs", "shapley/audio")).all()
        and np.isfinite(on.column("epochs", "shapley/audio")).all()
    )
    assert np.isfinite(on.column("steps", "conflict_cosine/audio")).all()
    np.testing.assert_array_equal(off.column("steps", "loss"), on.column("steps", "loss"))


def test_a_resumed_run_measures_the_same(tmp_path: Path) -> None:
    config = small_config(method="ogm", epochs=5, diagnose={"every": 2})
    data = small_data()
    whole = train(make_trainer(tmp_path / "whole", data, config))
    first = make_trainer(tmp_path / "run", data, config)
    after_steps(first, {7: first.run.command_handler.stop})
    train(first)
    assert_same_rows(train(resume_trainer(tmp_path / "run", data, config)), whole)


# -- every step ----------------------------------------------------------------------


def slow_relative(values: list[float]) -> list[float]:
    mean = sum(values) / len(values)
    return [value / mean for value in values] if mean >= 1e-8 else [1.0] * len(values)


def test_relative_gradient_and_descent(tmp_path: Path) -> None:
    names = modalities(3)
    _, run = train_small(tmp_path / "run", small_data(names), method="ogm", epochs=5)
    norms, losses = (
        list(zip(*(run.column("steps", f"{what}/{m}") for m in names), strict=True))
        for what in ("grad_norm", "own_loss")
    )
    smooth = [0.0] * 3
    for step in range(run.rows("steps")):
        smooth = [0.1 * new + 0.9 * old for new, old in zip(norms[step], smooth, strict=True)]
        oldest = losses[max(0, step - 9)]
        moved = [abs(now - then) for now, then in zip(losses[step], oldest, strict=True)]
        told = {
            what: [run.column("steps", f"{what}/{m}")[step] for m in names]
            for what in ("relative_gradient", "relative_descent")
        }
        assert told["relative_gradient"] == pytest.approx(slow_relative(smooth), rel=1e-4)
        assert told["relative_descent"] == pytest.approx(slow_relative(moved), rel=1e-2)
    assert run.rows("steps") == 20, "too few steps to fill the window"


def test_relative_to_a_mean_of_nothing_is_one() -> None:
    assert relative_to_mean(torch.zeros(3)).tolist() == [1, 1, 1]
    assert relative_to_mean(torch.tensor([2.0, 1.0])).tolist() == pytest.approx([4 / 3, 2 / 3])


def test_own_entropy(tmp_path: Path) -> None:
    """Of the softmax of each modality's unimodal logits, in nat."""
    trainer = make_trainer(tmp_path, small_data(), small_config(), silent=True)
    rows: list[dict[str, Any]] = []
    trainer.run.recorder.record = lambda table, values: rows.append(dict(values))  # type: ignore[method-assign]
    split = trainer.components.data.splits["train"]
    forward = trainer.step(
        Batch({m: tensor[:6] for m, tensor in split.inputs.items()}, split.labels[:6])
    )
    for m, logits in forward.unimodal_logits.items():
        slow = 0.0
        for sample in logits.tolist():
            whole = sum(math.exp(logit) for logit in sample)
            slow -= sum(
                math.exp(logit) / whole * math.log(math.exp(logit) / whole) for logit in sample
            ) / len(logits)
        assert float(rows[0][f"own_entropy/{m}"]) == pytest.approx(slow, rel=1e-5)
        assert 0 < slow < math.log(3)


# -- at the probes' steps ------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_update_ratio_is_the_optimizers_step_over_the_weights(
    optimizer: str, tmp_path: Path
) -> None:
    trainer = make_trainer(
        tmp_path / "run", small_data(), small_config(optimizer={"name": optimizer, "lr": 0.01})
    )
    expected: dict[int, list[float]] = {}
    step = trainer.step

    def flat() -> list[Tensor]:
        return [
            torch.cat(
                [
                    p.detach().double().flatten()
                    for p in trainer.components.model.encoders[m].parameters()
                ]
            )
            for m in NAMES
        ]

    def watched(batch: Batch) -> Any:
        before = flat()
        forward = step(batch)
        ratios = [
            float((after - was).norm() / was.norm())
            for after, was in zip(flat(), before, strict=True)
        ]
        expected[trainer.run.step] = ratios
        return forward

    trainer.step = watched  # type: ignore[method-assign]
    run = train(trainer)
    steps = run.column("probes", "step").astype(int)
    assert steps.tolist() == [3, 6, 9, 12]
    for row, number in enumerate(steps):
        told = [run.column("probes", f"update_ratio/{m}")[row] for m in NAMES]
        assert told == pytest.approx(expected[number], rel=1e-4)
    assert all(min(ratios) > 0 for ratios in expected.values())


def test_the_change_of_no_weights_is_none() -> None:
    assert change_ratio([], []) == 0
    assert float(change_ratio([torch.zeros(2)], [torch.ones(2)])) == 0
    assert float(
        change_ratio(
            [torch.tensor([3.0]), torch.tensor([4.0])], [torch.tensor([3.0]), torch.tensor([4.5])]
        )
    ) == pytest.approx(0.1)


# -- the machine ---------------------------------------------------------------------


def test_the_peak_of_the_gpus_memory_is_told_beside_its_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 3 * MIB)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 5 * MIB)
    monkeypatch.setattr(torch.cuda, "utilization", lambda device: 7)
    monkeypatch.setattr("asgml.core.run.system_monitor.SAMPLE_EVERY", 0.0)
    row = SystemMonitor(torch.device("cuda")).sample(1)
    assert row is not None and (row["gpu_memory"], row["gpu_memory_peak"], row["gpu"]) == (3, 5, 7)
    assert set(row) < {
        column for metric in METRICS if metric.table == "system" for column in metric.columns(NAMES)
    }
    plain = SystemMonitor(torch.device("cpu")).sample(1)
    assert plain is not None and "gpu_memory_peak" not in plain


# -- every so many steps -------------------------------------------------------------


def slow_cosine(ours: list[Tensor], theirs: list[Tensor]) -> float:
    pairs = [
        (a, b)
        for x, y in zip(ours, theirs, strict=True)
        for a, b in zip(x.flatten().tolist(), y.flatten().tolist(), strict=True)
    ]
    return sum(a * b for a, b in pairs) / math.sqrt(
        sum(a * a for a, _ in pairs) * sum(b * b for _, b in pairs)
    )


def test_conflict_cosine(tmp_path: Path) -> None:
    """Of the gradients of task and unimodal loss, each on a fresh graph of the same batch."""
    names = ("visual", "thermal", "text")
    trainer = make_trainer(
        tmp_path,
        small_data(names),
        small_config(method="ogm", loss={"gamma": 2.0}, diagnose={"every": 1}),
        silent=True,
    )
    model, split = trainer.components.model, trainer.components.data.splits["train"]
    batch = Batch({m: tensor[:9] for m, tensor in split.inputs.items()}, split.labels[:9])
    expected = {}
    for m, encoder in model.encoders.items():
        joint, own = (
            list(
                torch.autograd.grad(
                    functional.cross_entropy(logits, batch.labels), list(encoder.parameters())
                )
            )
            for logits in (model(batch).logits, model(batch).unimodal_logits[m])
        )
        expected[m] = slow_cosine(joint, own)
    rows: list[dict[str, Any]] = []
    trainer.run.recorder.record = lambda table, values: rows.append(dict(values))  # type: ignore[method-assign]
    trainer.balancing.modulator.begin_epoch(0)
    trainer.step(batch)
    assert {m: float(rows[0][f"conflict_cosine/{m}"]) for m in names} == pytest.approx(
        expected, rel=1e-3
    )
    assert len({round(value, 4) for value in expected.values()}) == 3, expected


def test_conflict_cosine_is_the_one_that_mmpareto_sees(tmp_path: Path) -> None:
    """In the first step, where both trainings have the same weights."""
    _, ours = train_small(tmp_path / "ours", diagnose={"every": 1}, epochs=1)
    split = {"alone": "split"}
    _, theirs = train_small(tmp_path / "theirs", method="mmpareto", epochs=1, fusion=split)
    for m in NAMES:
        assert ours.column("steps", f"conflict_cosine/{m}")[0] == pytest.approx(
            theirs.column("steps", f"conflict_cosine/{m}")[0], rel=1e-5
        )


def test_conflict_is_measured_every_so_many_steps_and_can_be_turned_on(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run", small_data(), small_config(epochs=5))
    live_settings = trainer.run.live_settings
    after_steps(
        trainer,
        {
            6: lambda: live_settings.set("diagnose.every", 4),
            16: lambda: live_settings.set("diagnose.every", 0),
        },
    )
    cosine = train(trainer).column("steps", "conflict_cosine/visual")
    assert (np.flatnonzero(np.isfinite(cosine)) + 1).tolist() == [8, 12, 16]
    assert (np.abs(cosine[np.isfinite(cosine)]) <= 1 + 1e-6).all()


# -- contribution --------------------------------------------------------------------


def values_of(**accuracies: float) -> dict[Subset, float]:
    """{"av": 0.7} is the accuracy of a and v together; of nothing it is 1/6."""
    return {frozenset(name): value for name, value in accuracies.items()} | {frozenset(): 1 / 6}


def test_the_golden_numbers_of_two_modalities() -> None:
    row = contribution_row(values_of(a=0.57, v=0.62, av=0.70), ("a", "v"))
    assert [row["shapley/a"], row["shapley/v"]] == near([0.241667, 0.291667])
    assert [row["conditional_utilization/a"], row["conditional_utilization/v"]] == near(
        [0.114286, 0.185714]
    )
    assert row["shapley/a"] + row["shapley/v"] == near(0.533333)


def test_the_golden_numbers_of_three_modalities() -> None:
    values = values_of(a=0.55, t=0.70, v=0.40, at=0.76, av=0.60, tv=0.74, atv=0.80)
    row = contribution_row(values, ("a", "t", "v"))
    assert [row[f"shapley/{m}"] for m in "atv"] == near([0.191111, 0.336111, 0.106111])
    assert row["conditional_utilization/t"] == pytest.approx((0.80 - 0.60) / 0.80)


def test_nothing_is_used_of_what_is_never_right() -> None:
    found = conditional_utilization(
        {frozenset("a"): 0.2, frozenset("v"): 0.0, frozenset("av"): 0.0, frozenset(): 0.0},
        ("a", "v"),
    )
    assert all(math.isnan(value) for value in found.values())


def slow_values(trainer: Any, names: tuple[str, ...]) -> dict[Subset, float]:
    """Every subset by a whole evaluation of its own, on inputs of which the others' are zeros."""
    model, split = trainer.components.model.eval(), trainer.components.data.splits["val"]
    found = {}
    for size in range(len(names) + 1):
        for chosen in itertools.combinations(names, size):
            inputs = {
                m: tensor if m in chosen else torch.zeros_like(tensor)
                for m, tensor in split.inputs.items()
            }
            with torch.no_grad():
                found[frozenset(chosen)] = float(
                    correct(model(Batch(inputs, split.labels)).logits, split.labels).mean()
                )
    model.train()
    return found


def test_contribution_is_measured_on_the_validation_split_by_zeroed_inputs(tmp_path: Path) -> None:
    """By averaging over all orders, where the program weighs subsets; in uneven batches."""
    names = modalities(3)
    trainer, run = train_small(
        tmp_path / "run", small_data(names, val=23), epochs=4, eval={"batch_size": 5}
    )
    values = slow_values(trainer, names)
    last = run.rows("epochs") - 1
    for m in names:
        added = []
        for order in itertools.permutations(names):
            before = frozenset(order[: order.index(m)])
            added.append(values[before | {m}] - values[before])
        assert run.column("epochs", f"shapley/{m}")[last] == pytest.approx(
            sum(added) / len(added), abs=1e-6
        )
        lost = (values[frozenset(names)] - values[frozenset(names) - {m}]) / values[
            frozenset(names)
        ]
        assert run.column("epochs", f"conditional_utilization/{m}")[last] == pytest.approx(
            lost, abs=1e-6
        )
    assert len(set(values.values())) > 3, "the subsets are all alike: the test sees nothing"
    total = sum(run.column("epochs", f"shapley/{m}")[last] for m in names)
    assert total == pytest.approx(
        run.column("epochs", "val_accuracy")[last] - values[frozenset()], abs=1e-6
    )


def phases(run: Run) -> list[str]:
    return [event.get("message") for event in run.events if event.kind == "phase"]


def test_too_many_modalities_are_left_unmeasured_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SHAPES, "smell", (3,))
    names = modalities(7)
    _, run = train_small(tmp_path / "run", small_data(names), epochs=2)
    assert np.isnan(run.column("epochs", "shapley/smell")).all()
    assert [message for message in phases(run) if "shapley" in message] == [
        "shapley and conditional_utilization are left out: "
        "7 modalities have 128 subsets; at most 6 do"
    ]
    assert np.isfinite(run.column("epochs", "val_accuracy")).all()


def test_what_is_switched_off_is_not_told(tmp_path: Path) -> None:
    _, run = train_small(
        tmp_path / "run", small_data(modalities(2)), epochs=1, diagnose={"shapley": False}
    )
    assert np.isnan(run.column("epochs", "shapley/audio")).all()
    assert phases(run) == []


def test_epochs_without_validation_have_no_contribution(tmp_path: Path) -> None:
    _, run = train_small(tmp_path / "run", epochs=3, eval={"every": 2})
    assert np.isfinite(run.column("epochs", "shapley/audio")).tolist() == [False, True, True]


def test_an_encoder_that_only_sees_its_own_input_is_assumed(tmp_path: Path) -> None:
    """Features of zeros are made once, of one sample: they must not depend on their batch."""
    data = small_data(val=2)
    alone, _ = train_small(tmp_path / "a", replace(data), epochs=1)
    zeros = {m: torch.zeros_like(tensor) for m, tensor in data.splits["val"].inputs.items()}
    model = alone.components.model.eval()
    with torch.no_grad():
        many, one = (
            model.encode(zeros),
            model.encode({m: tensor[:1] for m, tensor in zeros.items()}),
        )
    for m in NAMES:
        torch.testing.assert_close(many[m], one[m].expand_as(many[m]))
