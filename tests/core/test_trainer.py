"""The training loop: bit identity, steps and epochs, kept models, rows and events."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from core_kit import (
    Bench,
    assert_same_bits,
    assert_same_rows,
    gradients,
    make_trainer,
    rows_of,
    small_config,
    small_data,
    train,
    train_small,
    weights,
)
from torch import Tensor
from torch.nn import functional

from asgml.core.data.base import Dataset, Split
from asgml.core.data.loading.batches import Batches
from asgml.core.measures.probes import Probes
from asgml.core.model.model import make_model
from asgml.core.modulators.unimodal_loss import UnimodalLoss
from asgml.core.run import checkpoint
from asgml.core.seeds import seed_for
from asgml.core.training.trainer import Trainer
from asgml.core.types import Batch, Evaluation
from asgml.storage.read.reader import Run

NAMES = ("audio", "visual")


def plain_loop(
    data: Dataset, *, seed: int, epochs: int, batch_size: int, lr: float, gamma: float = 0.0
) -> tuple[dict[str, Tensor], list[float]]:
    """A hand-written SGD training of the same model: final weights, the loss of each step."""
    torch.manual_seed(seed_for("weights", seed))
    model = make_model(data.shapes, len(data.classes), {}, "concat", 0, "split")
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=1e-4)
    shuffle = torch.Generator().manual_seed(seed_for("batches", seed))
    split, losses = data.splits["train"], []
    for epoch in range(epochs):
        for chosen in torch.split(torch.randperm(len(split), generator=shuffle), batch_size):
            if len(chosen) == 1:
                continue
            features = {
                m: encoder(split.inputs[m][chosen]) for m, encoder in model.encoders.items()
            }
            loss = functional.cross_entropy(model.fusion.fuse(features), split.labels[chosen])
            own = [
                functional.cross_entropy(logits, split.labels[chosen])
                for logits in model.fusion.unimodal_logits(features).values()
            ]
            if gamma:
                loss = loss + gamma * sum(own[1:], start=own[0])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            for group in optimizer.param_groups:
                group["lr"] = lr * 0.5 ** (epoch // 2)
            optimizer.step()
            losses.append(loss.item())
    return {name: value.clone() for name, value in model.state_dict().items()}, losses


DECAY = {"decay_every": 2, "decay": 0.5}


# -- bit for bit ---------------------------------------------------------------------


@pytest.mark.parametrize("names", [NAMES, ("audio", "text", "motion")])
@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_nothing_enabled_is_a_hand_written_loop(
    names: tuple[str, ...], gamma: float, tmp_path: Path
) -> None:
    data = small_data(names, train=33)  # 33 samples in batches of 8 leave a last one alone
    expected, losses = plain_loop(data, seed=4, epochs=4, batch_size=8, lr=0.05, gamma=gamma)
    trainer, run = train_small(
        tmp_path / "run",
        data,
        seed=4,
        epochs=4,
        optimizer=DECAY,
        probe={"enabled": False},
        loss={"gamma": gamma},
    )
    assert_same_bits(weights(trainer), expected)
    assert run.column("steps", "loss").tolist() == losses
    assert run.column("steps", "step").tolist() == list(range(1, 17))
    assert run.column("steps", "lr").tolist() == [0.05] * 8 + [0.025] * 8


@pytest.mark.parametrize(
    "probe",
    [
        {"type": "linear", "eval_freq": 1},
        {"type": "mlp_1layer", "eval_freq": 3},
        {"split_batch": False},
    ],
)
@pytest.mark.parametrize("method", ["baseline", "ogm_ge"])
def test_probing_and_recording_change_nothing(
    method: str, probe: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "silent").mkdir()
    silent = make_trainer(
        tmp_path / "silent",
        small_data(),
        small_config(method=method, probe={"enabled": False}),
        silent=True,
    )
    silent.train()
    recorded, run = train_small(tmp_path / "recorded", method=method, probe=probe)
    assert run.rows("probes") and run.rows("steps")
    assert_same_bits(weights(recorded), weights(silent))


def test_a_dropout_in_an_encoder_does_not_see_the_probes(tmp_path: Path) -> None:
    """torch's own generator belongs to the model."""
    drawn = []
    for name, probe in (
        ("off", {"enabled": False}),
        ("on", {"type": "mlp_1layer", "eval_freq": 1}),
    ):
        train_small(tmp_path / name, probe=probe)
        drawn.append(torch.rand(3))
    assert torch.equal(drawn[0], drawn[1])


def test_the_same_seed_gives_the_same_rows_and_another_does_not(tmp_path: Path) -> None:
    runs = [
        train_small(tmp_path / str(i), method="ogm_ge+boost", seed=seed, eval={"test": "epoch"})[1]
        for i, seed in enumerate((1, 1, 2))
    ]
    assert_same_rows(runs[0], runs[1])
    assert not np.array_equal(runs[0].column("steps", "loss"), runs[2].column("steps", "loss"))
    assert not np.array_equal(
        runs[0].column("steps", "grad_norm/audio"), runs[2].column("steps", "grad_norm/audio")
    )


@pytest.mark.parametrize("kind", ["linear", "mlp_1layer"])
def test_training_a_probe_leaves_the_encoders_gradients(kind: str) -> None:
    bench = Bench("baseline", NAMES, probe={"type": kind})
    forward = bench.look_back().forward
    before, drawn = gradients(bench.model), torch.get_rng_state()
    probes = bench.balancing.probes
    assert probes is not None
    first = {
        m: network.state_dict()[name].clone()
        for m, network in probes.networks.items()
        for name in list(network.state_dict())[:1]
    }
    probes.read(forward.features, forward.labels, train_steps=5)
    assert_same_bits(gradients(bench.model), before)
    assert torch.equal(torch.get_rng_state(), drawn)
    assert all(
        not torch.equal(next(iter(probes.networks[m].state_dict().values())), was)
        for m, was in first.items()
    ), "nothing was learnt"


def test_evaluating_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    """Batch norm's running means, the mode, and random numbers, also of probes with dropout."""
    trainer = make_trainer(
        tmp_path, small_data(), small_config(probe={"type": "mlp_1layer"}), silent=True
    )
    assert trainer.balancing.probes is not None
    generator = trainer.balancing.probes.generator
    before, drawn, of_probes = weights(trainer), torch.get_rng_state(), generator.get_state()
    for split in ("val", "test"):
        assert trainer.selection.evaluate(split).probe_accuracy
    assert_same_bits(weights(trainer), before)
    assert torch.equal(torch.get_rng_state(), drawn) and torch.equal(
        generator.get_state(), of_probes
    )
    assert trainer.components.model.training


def test_training_and_evaluation_measure_the_same(tmp_path: Path) -> None:
    """Without batch norm and before any step, the loss of a batch is that of the same split."""
    names = ("visual", "thermal")
    data = small_data(names, train=8, val=8)
    data.splits["val"] = data.splits["train"]
    trainer = make_trainer(tmp_path, data, small_config(batch_size=8, epochs=1), silent=True)
    val = trainer.selection.evaluate("val")
    split, rows = data.splits["train"], []
    trainer.run.recorder.record = lambda table, values: rows.append(dict(values))  # type: ignore[method-assign]
    trainer.lr = 0.0
    trainer.step(Batch(split.inputs, split.labels))
    assert float(rows[0]["loss"]) == pytest.approx(val.loss, rel=1e-6)
    assert float(rows[0]["accuracy"]) == val.accuracy
    assert {m: float(rows[0][f"own_accuracy/{m}"]) for m in names} == val.unimodal_accuracy


# -- probes --------------------------------------------------------------------------


@pytest.mark.parametrize(("split_batch", "expected"), [(True, 0.0), (False, 1.0)])
def test_a_probe_is_trained_on_one_half_and_scored_on_the_other(
    split_batch: bool, expected: float
) -> None:
    """The halves have a class each: a probe that was trained on the first is wrong on the other."""
    probes = Probes({"audio": 2}, 2, kind="linear", lr=0.1, device=torch.device("cpu"), seed=0)
    features = torch.tensor([[1.0, 0.0]] * 5 + [[0.0, 1.0]] * 5)
    reading = probes.read(
        {"audio": features},
        torch.tensor([0] * 5 + [1] * 5),
        train_steps=50,
        split_batch=split_batch,
    )
    assert reading.accuracy["audio"] == expected
    assert reading.utilization["audio"] == pytest.approx(0.1 * expected)


def test_the_middle_sample_of_an_odd_batch_is_scored() -> None:
    probes = Probes({"audio": 2}, 2, kind="linear", lr=0.1, device=torch.device("cpu"), seed=0)
    reading = probes.read({"audio": torch.ones(3, 2)}, torch.tensor([0, 1, 0]), train_steps=50)
    assert reading.accuracy["audio"] == 0.5


def test_probes_are_asked_every_so_many_steps_of_the_whole_training(tmp_path: Path) -> None:
    """Not of the epoch: 4 batches an epoch and a frequency of 3."""
    _, run = train_small(tmp_path / "run", epochs=4, probe={"eval_freq": 3})
    assert run.rows("steps") == 16
    assert run.column("probes", "step").tolist() == [3, 6, 9, 12, 15]


def test_probes_see_the_features_of_their_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In training mode, of the very batch, before the step changed the weights."""
    asked = []
    monkeypatch.setattr(
        Trainer, "probe", lambda self, forward: asked.append((self.run.step, forward))
    )
    trainer = make_trainer(
        tmp_path / "run", small_data(), small_config(probe={"eval_freq": 2}, epochs=1)
    )
    step, seen = trainer.step, {}

    def watched(batch: Batch) -> Any:
        forward = step(batch)
        seen[trainer.run.step] = (batch, forward)
        return forward

    trainer.step = watched  # type: ignore[method-assign]
    train(trainer)
    assert [number for number, _ in asked] == [2, 4]
    for number, forward in asked:
        assert forward is seen[number][1]
        assert torch.equal(forward.labels, seen[number][0].labels)


def test_the_boost_acts_from_the_step_after_the_probes(tmp_path: Path) -> None:
    _, run = train_small(
        tmp_path / "run", method="boost", epochs=4, boost={"ema_alpha": 1.0}, probe={"eval_freq": 3}
    )
    scale = {m: run.column("steps", f"boost_scale/{m}") for m in NAMES}
    assert all((scale[m][:3] == 1).all() for m in NAMES)
    for step, *target in zip(
        run.column("probes", "step"),
        *(run.column("probes", f"boost_target/{m}") for m in NAMES),
        strict=True,
    ):
        for m, expected in zip(NAMES, target, strict=True):
            assert (scale[m][int(step) : int(step) + 3] == expected).all()
    assert max(scale[m].max() for m in NAMES) == 1.5


# -- rows ----------------------------------------------------------------------------


ALWAYS = {
    "steps": "epoch loss task_loss accuracy lr grad_norm grad_norm_after gain boost_scale "
    "throttle noise discrepancy own_loss own_accuracy",
    "probes": "probe_accuracy probe_loss utilization utilization_gap boost_target",
    "epochs": "train_loss train_accuracy val_loss val_accuracy val_own_accuracy "
    "val_probe_accuracy best_val_accuracy test_accuracy",
}
"""What every row has, whatever the method (here with the boost and with a test in every epoch)."""


@pytest.mark.parametrize("method", ["boost", "ogm_ge+boost"])
def test_every_row_is_filled(method: str, tmp_path: Path) -> None:
    _, run = train_small(tmp_path / "run", method=method, eval={"test": "epoch"})
    for table, names in ALWAYS.items():
        rows = rows_of(run, table)
        for name in names.split():
            columns = [column for column in rows if column.partition("/")[0] == name]
            assert columns, f"{table} has no {name}"
            assert all(np.isfinite(rows[column]).all() for column in columns), f"{table}: {name}"
    last = run.column("epochs", "test_accuracy_at_best_val")
    assert np.isnan(last[:-1]).all() and np.isfinite(last[-1])


def test_what_the_rows_say_is_what_was_done(tmp_path: Path) -> None:
    _, run = train_small(
        tmp_path / "run", method="ogm+boost", ogm={"params": "all"}, probe={"eval_freq": 1}
    )
    for m in NAMES:
        gain, before, after = (
            run.column("steps", f"{name}/{m}") for name in ("gain", "grad_norm", "grad_norm_after")
        )
        product = run.column("steps", f"throttle/{m}") * run.column("steps", f"boost_scale/{m}")
        np.testing.assert_allclose(gain, product, rtol=1e-6)
        np.testing.assert_allclose(after, gain * before, rtol=1e-5)
        assert len(set(gain)) > 5, "nothing was modulated"
        assert (run.column("steps", f"noise/{m}") == 0).all()


def test_the_unimodal_losses_are_added_once_each(tmp_path: Path) -> None:
    _, run = train_small(tmp_path / "run", loss={"gamma": 1.0})
    own = sum(run.column("steps", f"own_loss/{m}") for m in NAMES)
    np.testing.assert_allclose(
        run.column("steps", "loss") - run.column("steps", "task_loss"), own, rtol=1e-5
    )
    _, plain = train_small(tmp_path / "plain")
    assert (plain.column("steps", "loss") == plain.column("steps", "task_loss")).all()


def test_epochs_are_means_over_samples_not_over_batches(tmp_path: Path) -> None:
    data = small_data(train=21)  # batches of 8, 8 and 5
    _, run = train_small(tmp_path / "run", data, epochs=2)
    sizes = np.array([8, 8, 5])
    for epoch in range(2):
        own = run.column("steps", "epoch") == epoch
        for column in ("loss", "accuracy"):
            expected = (run.column("steps", column)[own] * sizes).sum() / 21
            assert run.column("epochs", f"train_{column}")[epoch] == pytest.approx(
                expected, rel=1e-5
            )
    assert run.column("epochs", "step").tolist() == [3, 6]


def test_an_unknown_column_is_refused(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run", small_data(), small_config())
    recorder = trainer.run.recorder
    with pytest.raises(KeyError, match="smell/audio"):
        recorder.record("steps", {"smell/audio": 1.0})
    train(trainer)


@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_told_once(
    poison: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One alert for the loss, however long it lasts, and the training goes on."""
    monkeypatch.setattr(
        UnimodalLoss, "loss", lambda self, forward: poison if steps.count(1) > 5 else 0.0
    )
    steps: list[int] = []
    monkeypatch.setattr(UnimodalLoss, "modulate", counting(UnimodalLoss.modulate, steps))
    _, run = train_small(tmp_path / "run", probe={"enabled": False}, on_nan="go")
    alerts = [event for event in run.events if event.kind == "alert"]
    assert [event.get("column") for event in alerts].count("loss") == 1
    told = next(event for event in alerts if event.get("column") == "loss")
    assert told.get("message") == f"loss is {poison} at step 7"
    assert told.get("level") == "error"
    assert told.get("at_step") == told.about == 7 <= told.step
    columns = [event.get("column") for event in alerts]
    assert len(columns) == len(set(columns)), "an alert is repeated"
    assert run.rows("steps") == 12


def counting(function: Callable[..., Any], calls: list[int]) -> Callable[..., Any]:
    def counted(*given: Any) -> Any:
        calls.append(1)
        return function(*given)

    return counted


def test_a_loss_that_breaks_in_the_last_step_is_told(tmp_path: Path) -> None:
    trainer = make_trainer(
        tmp_path / "run", small_data(), small_config(epochs=1, probe={"enabled": False})
    )
    step = trainer.step

    def broken(batch: Batch) -> Any:
        if trainer.run.step == 3:
            with torch.no_grad():
                next(trainer.components.model.fusion.parameters()).fill_(math.nan)
        return step(batch)

    trainer.step = broken  # type: ignore[method-assign]
    run = train(trainer)
    assert "loss is nan at step 4" in [
        event.get("message") for event in run.events if event.kind == "alert"
    ]


# -- batches -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "expected"), [(16, [8, 8]), (17, [8, 8]), (18, [8, 8, 2]), (2, [2]), (9, [8])]
)
def test_a_last_batch_of_one_sample_is_left_out(samples: int, expected: list[int]) -> None:
    split = Split({"audio": torch.arange(samples).float().unsqueeze(1)}, torch.arange(samples))
    batches = Batches(split, 8, torch.device("cpu"), seed=0)
    assert batches.per_epoch == len(expected) == Batches.count(samples, 8)
    for _ in range(2):
        batches.begin_epoch()
        taken = list(batches.rest_of_epoch())
        assert [len(batch.labels) for batch in taken] == expected
        labels = torch.cat([batch.labels for batch in taken])
        assert len(set(labels.tolist())) == sum(expected), "a sample came twice"
        assert all(
            torch.equal(batch.inputs["audio"][:, 0].long(), batch.labels) for batch in taken
        ), "inputs and labels parted"


def test_a_new_epoch_has_a_new_order() -> None:
    split = Split({}, torch.arange(40))
    batches = Batches(split, 8, torch.device("cpu"), seed=0)
    orders = []
    for _ in range(2):
        batches.begin_epoch()
        orders.append(torch.cat([batch.labels for batch in batches.rest_of_epoch()]).tolist())
    assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1]) == list(range(40))


# -- the splits ----------------------------------------------------------------------


class Spy:
    """Stands in for model_selection.evaluate: notes splits and weights, gives set accuracies."""

    def __init__(self, trainer: Trainer, accuracies: dict[str, list[float]]) -> None:
        self.splits = {id(split): name for name, split in trainer.components.data.splits.items()}
        self.accuracies = {name: iter(values) for name, values in accuracies.items()}
        self.seen: list[tuple[str, int, dict[str, Tensor]]] = []
        self.trainer = trainer

    def __call__(
        self,
        model: Any,
        probes: Any,
        split: Split,
        batch_size: int,
        device: torch.device,
        on_batch: Any = None,
    ) -> Evaluation:
        name = self.splits[id(split)]
        copies = {key: value.clone() for key, value in model.state_dict().items()}
        self.seen.append((name, self.trainer.run.step, copies))
        accuracy = next(self.accuracies[name])
        return Evaluation(
            1.0,
            accuracy,
            dict.fromkeys(NAMES, accuracy),
            dict.fromkeys(NAMES, accuracy) if probes else {},
        )


def spied(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    val: list[float],
    test: list[float],
    **changes: Any,
) -> tuple[Spy, Run]:
    trainer = make_trainer(tmp_path / "run", small_data(), small_config(epochs=4, **changes))
    spy = Spy(trainer, {"val": val, "test": test})
    monkeypatch.setattr("asgml.core.training.model_selection.evaluate", spy)
    return spy, train(trainer)


def test_the_test_split_is_not_touched_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the model of the best validation accuracy is tested, and the last one stays."""
    spy, run = spied(tmp_path, monkeypatch, val=[0.5, 0.8, 0.8, 0.2], test=[0.3, 0.6])
    assert [(name, step) for name, step, _ in spy.seen] == [
        ("val", 4),
        ("val", 8),
        ("val", 12),
        ("val", 16),
        ("test", 16),
        ("test", 16),
    ]
    assert_same_bits(spy.seen[4][2], spy.seen[3][2])
    assert_same_bits(spy.seen[5][2], spy.seen[1][2])  # the first of two equals is kept
    assert_same_bits(weights(spy.trainer), spy.seen[3][2])
    epochs = rows_of(run, "epochs")
    assert np.isnan(epochs["test_accuracy"][:3]).all() and epochs["test_accuracy"][3] == 0.3
    assert epochs["best_val_accuracy"].tolist() == [0.5, 0.8, 0.8, 0.8]
    assert epochs["test_accuracy_at_best_val"][3] == 0.6
    assert epochs["best_on_test_accuracy"][3] == 0.6
    assert [event.get("model") for event in run.events if event.kind == "evaluation"] == [
        "best validation accuracy, step 8"
    ]


def test_a_test_split_of_nan_does_no_harm_before_the_end(tmp_path: Path) -> None:
    """The same training, whatever the test split holds."""
    data = small_data()
    test = data.splits["test"]
    poisoned = replace(
        data,
        splits={
            **data.splits,
            "test": Split({m: x * math.nan for m, x in test.inputs.items()}, test.labels),
        },
    )
    sound, _ = train_small(tmp_path / "sound", data, method="ogm_ge+boost")
    other, run = train_small(tmp_path / "poisoned", poisoned, method="ogm_ge+boost")
    assert_same_bits(weights(other), weights(sound))
    assert np.isnan(run.column("epochs", "test_accuracy")[:-1]).all()


def test_testing_in_every_epoch_chooses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run = spied(
        tmp_path,
        monkeypatch,
        val=[0.5, 0.8, 0.1, 0.2],
        test=[0.1, 0.2, 0.9, 0.4, 0.4, 0.25],
        eval={"test": "epoch"},
    )
    epochs = rows_of(run, "epochs")
    assert epochs["test_accuracy"].tolist() == [0.1, 0.2, 0.9, 0.4]
    assert epochs["best_on_test_accuracy"].tolist() == [0.1, 0.2, 0.9, 0.9]
    assert epochs["test_accuracy_at_best_val"][3] == 0.25


def test_never_testing_never_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spy, run = spied(
        tmp_path, monkeypatch, val=[0.5, 0.8, 0.1, 0.2], test=[], eval={"test": "never"}
    )
    assert {name for name, _, _ in spy.seen} == {"val"}
    assert np.isnan(run.column("epochs", "test_accuracy")).all()


def test_validation_comes_every_so_many_epochs_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy, run = spied(tmp_path, monkeypatch, val=[0.5, 0.8], test=[0.1, 0.2], eval={"every": 3})
    assert [(name, step) for name, step, _ in spy.seen if name == "val"] == [
        ("val", 12),
        ("val", 16),
    ]
    assert np.isnan(run.column("epochs", "val_accuracy")).tolist() == [True, True, False, False]


# -- checkpoints ---------------------------------------------------------------------


def test_the_best_model_and_the_newest_checkpoints_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spy, run = spied(
        tmp_path, monkeypatch, val=[0.5, 0.8, 0.1, 0.2], test=[0.1, 0.2], checkpoint={"keep": 2}
    )
    folder = run.paths.checkpoints
    assert sorted(path.name for path in folder.iterdir()) == [
        "best-00000008.pt",
        "step-00000012.pt",
        "step-00000016.pt",
    ]
    best = checkpoint.load(folder / "best-00000008.pt")
    assert best["classes"] == ["c0", "c1", "c2"] and best["step"] == 8
    assert_same_bits(best["model"], spy.seen[1][2])
    newest = checkpoint.newest(folder)
    assert newest is not None
    assert_same_bits(checkpoint.load(newest)["model"], weights(spy.trainer))
    told = [
        (event.step, event.get("path"), event.get("why"))
        for event in run.events
        if event.kind == "checkpoint"
    ]
    assert told[0] == (4, "checkpoints/step-00000004.pt", "epoch")
    assert told[-1] == (16, "checkpoints/step-00000016.pt", "end of training")


def test_a_checkpoint_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoints" / "step-00000001.pt"
    checkpoint.save({"model": torch.ones(3)}, path)

    def torn(state: Any, file: Any) -> None:
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", torn)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save({"model": torch.zeros(3)}, path)
    assert torch.equal(checkpoint.load(path)["model"], torch.ones(3))
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 half an archive"])
def test_a_broken_checkpoint_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "step-00000001.pt"
    path.write_bytes(content)
    with pytest.raises(checkpoint.CheckpointError, match="cannot be read") as error:
        checkpoint.load(path)
    assert "\n" not in str(error.value)


def test_the_newest_checkpoint_is_the_one_of_the_latest_step(tmp_path: Path) -> None:
    for name in (
        "step-00000009.pt",
        "step-00000010.pt",
        "step-100000000.pt",
        "best-00000999.pt",
        "step-x.pt",
        "step-00000200.partial",
    ):
        (tmp_path / name).touch()
    found = checkpoint.newest(tmp_path)
    assert found is not None and found.name == "step-100000000.pt"
    assert checkpoint.newest(tmp_path / "nowhere") is None


# -- optimizers ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "method", "warned"),
    [("adam", "ogm+boost", ["ogm", "boost"]), ("adamw", "baseline", []), ("sgd", "boost", [])],
)
def test_an_optimizer_that_cancels_gains_comes_with_a_warning(
    optimizer: str, method: str, warned: list[str], tmp_path: Path
) -> None:
    _, run = train_small(
        tmp_path / "run", method=method, optimizer={"name": optimizer, "lr": 0.001}, epochs=1
    )
    told = [
        (event.step, event.get("level"), str(event.get("message")).split()[0])
        for event in run.events
        if event.kind == "alert"
    ]
    assert told == [(0, "warning", name) for name in warned]
    assert np.isfinite(run.column("steps", "loss")).all()


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_parameter_groups_change_nothing(optimizer: str, tmp_path: Path) -> None:
    """A group for each encoder and the head: the same updates as one group for all."""
    data = small_data()
    config = small_config(
        optimizer={"name": optimizer, "momentum": 0.8, "weight_decay": 0.01},
        epochs=1,
        probe={"enabled": False},
    )
    (tmp_path / "grouped").mkdir()
    grouped = make_trainer(tmp_path / "grouped", data, config, silent=True)
    (tmp_path / "joined").mkdir()
    joined = make_trainer(tmp_path / "joined", data, config, silent=True)
    kinds: dict[str, Any] = {
        "sgd": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
    }
    rest = {"momentum": 0.8} if optimizer == "sgd" else {"betas": (0.8, 0.999)}
    one = kinds[optimizer](joined.components.model.parameters(), lr=0.05, weight_decay=0.01, **rest)
    one.param_groups[0]["modality"] = ""
    joined.components = replace(joined.components, optimizer=one)
    grouped.train()
    joined.train()
    assert_same_bits(weights(grouped), weights(joined))


# -- events --------------------------------------------------------------------------


def test_windows_are_told_when_they_open_and_close(tmp_path: Path) -> None:
    _, run = train_small(
        tmp_path / "run",
        method="ogm_ge+boost",
        epochs=4,
        ogm_ge={"first_epoch": 1, "last_epoch": 2},
    )
    told = [
        (event.step, event.get("part"), event.get("open"))
        for event in run.events
        if event.kind == "phase"
    ]
    assert told == [
        (0, "ogm_ge", False),
        (0, "boost", True),
        (4, "ogm_ge", True),
        (12, "ogm_ge", False),
    ]
    noise = run.column("steps", "noise/audio")
    assert [set(noise[4 * epoch : 4 * epoch + 4]) for epoch in range(4)] == [
        {0.0},
        {1.0},
        {1.0},
        {0.0},
    ]


def test_times_go_forward(tmp_path: Path) -> None:
    _, run = train_small(tmp_path / "run")
    for name in ("wall_time", "active_time"):
        assert (np.diff(run.column("steps", name)) >= 0).all()
    assert 0 <= run.column("steps", "active_time")[0] <= run.column("steps", "active_time")[-1]
    assert (run.column("steps", "step_time") > 0).all()
    kinds = {"started", "checkpoint", "evaluation", "finished"}
    assert {event.kind for event in run.events} == kinds
