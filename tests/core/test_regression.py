"""Regression: absolute error, the scores of papers on sentiment, methods that need classes."""

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
    modalities,
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

from asgml.core.data.base import Dataset, Split
from asgml.core.measures.criterion import LossError
from asgml.core.measures.evaluate import evaluate
from asgml.core.measures.regression import NAMES, regression_scores
from asgml.core.measures.task import (
    CLASSIFICATION,
    REGRESSION,
    correct_of,
    loss_of,
    make_task,
    task_of,
)
from asgml.core.methods.registry import METHODS
from asgml.core.methods.spec import Method, MethodError
from asgml.core.run import checkpoint
from asgml.core.training.update import micro_batches
from asgml.core.types import Batch, Evaluation, Forward
from asgml.storage.format.regression_metrics import LOSSES, SCORES

SETTINGS: dict[str, list[dict[str, str | bool]]] = {
    "boost": [
        {"signal": signal} for signal in ("probe", "probe_val", "discrepancy", "grad_norm", "loss")
    ],
    "cggm": [{"direction": True}, {"direction": False}],
    "mslr": [{"variant": variant} for variant in ("keep", "smooth", "dynamic")],
    "smp": [
        {"signal": "teachers"},
        {"signal": "own"},
        {"signal": "order", "order": "audio,visual"},
    ],
    "asgml_v1": [{"mode": mode} for mode in ("frequency", "staleness")],
}
REFUSED = {"ogm", "ogm_ge", "ogm_star", "pmr_acc", "mlb", "opm", "arl", "agm", "pmr", "inforeg"}
REFUSED |= {"lfm", "mmcosine", "valuation", "g2d"}
REFUSED |= {"reconboost", "aug"}
REFUSED_WITH = [
    ("boost", {"signal": "discrepancy"}),
    ("boost", {"signal": "loss"}),
    ("smp", {"signal": "teachers"}),
    ("smp", {"signal": "own"}),
    ("cggm", {"direction": True}),
]
CASES = [(name, section) for name in METHODS for section in SETTINGS.get(name, [{}])]


def scored(data: Dataset) -> Dataset:
    """Return the same samples with targets that follow from the first modality up to noise."""
    first = data.modalities[0]
    generator = torch.Generator().manual_seed(3)
    direction = torch.randn(data.shapes[first], generator=generator)
    splits = {}
    for part, split in data.splits.items():
        signal = (split.inputs[first] * direction).flatten(1).sum(dim=1) / direction.numel() ** 0.5
        targets = (signal + 0.3 * torch.randn(len(split), generator=generator)).clamp(-3, 3)
        splits[part] = Split(split.inputs, (targets >= 0).long(), targets=targets)
    return replace(data, classes=("negative", "non-negative"), splits=splits)


def data_of(count: int = 2) -> Dataset:
    return scored(small_data(modalities(count), train=45, val=24, test=24))


def is_refused(name: str, section: dict[str, str | bool]) -> bool:
    return name in REFUSED or (name, section) in REFUSED_WITH


# -- methods -------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "section"), CASES, ids=str)
def test_a_method_trains_a_regression_or_says_why_not(
    name: str, section: dict[str, str | bool], tmp_path: Path
) -> None:
    changes: dict[str, Any] = {"method": name, "epochs": 2, **({name: section} if section else {})}
    if name == "relearning":
        changes["relearning"] = {"start": 0, "every": 1}
    if is_refused(name, section):
        with pytest.raises(MethodError) as raised:
            train_small(tmp_path / "run", data_of(), **changes)
        message = str(raised.value)
        assert "\n" not in message and message.startswith(name)
        assert "regression" in message and "acc2" in message
        return
    trainer, run = train_small(tmp_path / "run", data_of(), **changes)
    rows = rows_of(run, "epochs")
    assert np.isfinite(rows["val_mae"]).all() and np.isfinite(rows_of(run, "steps")["loss"]).all()
    assert all(value.isfinite().all() for value in weights(trainer).values())


@pytest.mark.parametrize(
    ("name", "section", "first"),
    [
        ("ogm", {}, "use one of "),
        ("boost", {"signal": "loss"}, "use another boost.signal, one of "),
    ],
)
def test_the_methods_that_are_named_instead_are_those_that_train_one(
    name: str, section: dict[str, str | bool], first: str, tmp_path: Path
) -> None:
    """The same as those that trained above, with the settings that they have here."""
    with pytest.raises(MethodError) as raised:
        train_small(
            tmp_path / "run", data_of(), method=name, **({name: section} if section else {})
        )
    named = str(raised.value).partition(first)[2].partition(", or train")[0].split(", ")
    refused = REFUSED | {"smp", "cggm"} | ({"boost"} if section else set())
    assert named == [other for other in METHODS if other not in refused]


def test_what_is_declared_is_read_from_the_table() -> None:
    """Not from a list of names: a method of tomorrow is refused by its own row."""
    method = METHODS["baseline"]
    assert not method.reads_class_scores({})
    assert replace(method, class_scores="").reads_class_scores({})
    row: Method = replace(method, class_scores="signal=a|b")
    assert row.reads_class_scores({"signal": "b"}) and not row.reads_class_scores({"signal": "c"})


def test_the_unimodal_losses_of_a_regression_are_trained(tmp_path: Path) -> None:
    """Auxiliary heads come to predict the target too."""
    _, run = train_small(
        tmp_path / "run", data_of(), method="uniform", epochs=12, fusion={"alone": "heads"}
    )
    losses = rows_of(run, "steps")["own_loss/audio"]
    assert losses[-6:].mean() < 0.8 * losses[:6].mean()


@pytest.mark.parametrize(
    ("loss", "word"),
    [
        ({"label_smoothing": 0.1}, "label_smoothing=0.1"),
        ({"class_weights": "balanced"}, "class_weights=balanced"),
        ({"class_weights": [1, 2]}, "class_weights=[1.0, 2.0]"),
    ],
)
def test_settings_of_a_cross_entropy_are_refused(
    loss: dict[str, Any], word: str, tmp_path: Path
) -> None:
    with pytest.raises(LossError) as raised:
        train_small(tmp_path / "run", data_of(), loss=loss)
    assert word in str(raised.value) and "acc2" in str(raised.value)
    assert "\n" not in str(raised.value)


# -- numbers -------------------------------------------------------------------------


def forward_of(outputs: list[float], targets: list[float]) -> Forward:
    truth = torch.tensor(targets)
    batch = Batch({}, (truth >= 0).long(), truth)
    return Forward(batch, {}, torch.tensor(outputs).unsqueeze(1), {}, batch.labels)


def test_the_loss_and_the_signs_by_hand() -> None:
    forward = forward_of([1.0, -0.5, 0.0, 2.0], [0.5, 0.5, -1.0, 0.0])
    assert task_of(forward.batch) is REGRESSION
    assert float(loss_of(forward, forward.logits)) == pytest.approx((0.5 + 1 + 1 + 2) / 4)
    assert correct_of(forward, forward.logits).tolist() == [1, 0, 0, 1]
    truth = REGRESSION.truth(forward)
    assert float(REGRESSION.loss(forward.logits, truth, "sum")) == pytest.approx(4.5)
    unimodal = torch.stack([forward.logits, 0 * forward.logits])
    assert REGRESSION.unimodal_losses(unimodal, truth).tolist() == pytest.approx([1.125, 0.5])


def test_data_without_targets_is_a_classification() -> None:
    assert make_task(small_data()) is CLASSIFICATION and small_data().task == "classification"
    assert make_task(data_of()) is REGRESSION and data_of().task == "regression"


def test_a_method_that_drops_samples_is_noticed() -> None:
    forward = forward_of([1.0, 2.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="drops samples"):
        loss_of(replace(forward, labels=forward.labels[:1]), forward.logits)


VALUES = st.lists(
    st.tuples(st.floats(-4, 4, width=32), st.floats(-3, 3, width=32)), min_size=3, max_size=40
)


@given(VALUES)
def test_the_scores_are_those_of_other_programs(pairs: list[tuple[float, float]]) -> None:
    from scipy.stats import pearsonr
    from sklearn.metrics import f1_score, mean_absolute_error

    outputs, targets = np.array(pairs, dtype="float64").T
    found = regression_scores(outputs, targets)
    assert tuple(found) == NAMES
    assert found["mae"] == pytest.approx(mean_absolute_error(targets, outputs), abs=1e-12)
    assert found["f1"] == pytest.approx(
        f1_score(targets < 0, outputs < 0, average="weighted", zero_division=0)
    )
    sevenths = [
        round(max(-3.0, min(3.0, z))) == round(max(-3.0, min(3.0, t)))
        for z, t in zip(outputs, targets, strict=True)
    ]
    assert found["accuracy_7"] == pytest.approx(np.mean(sevenths))
    if np.std(outputs) > 1e-3 and np.std(targets) > 1e-3:
        assert found["corr"] == pytest.approx(pearsonr(outputs, targets).statistic, abs=1e-9)


def test_scores_of_outputs_that_say_nothing() -> None:
    same = regression_scores(np.ones(4), np.array([1.0, -1, 2, 0]))
    assert math.isnan(same["corr"]) and same["mae"] == pytest.approx(1.0)
    assert all(
        math.isnan(score)
        for score in regression_scores(np.array([1.0, math.nan]), np.ones(2)).values()
    )


def test_evaluation_holds_a_whole_split_together_however_it_is_cut(tmp_path: Path) -> None:
    trainer, _ = train_small(tmp_path / "run", data_of(), epochs=1)
    split, cpu = trainer.components.data.splits["val"], torch.device("cpu")
    whole, cut = (evaluate(trainer.components.model, None, split, size, cpu) for size in (100, 7))
    assert whole.scores == pytest.approx(cut.scores, abs=1e-6) and set(whole.scores) == set(NAMES)
    assert whole.loss == pytest.approx(whole.scores["mae"], abs=1e-6)
    with torch.no_grad():
        forward = trainer.components.model.eval()(Batch(split.inputs, split.labels, split.targets))
    assert split.targets is not None and forward.logits.shape == (24, 1)
    pairs = list(zip(forward.logits[:, 0].tolist(), split.targets.tolist(), strict=True))
    error = sum(abs(z - t) for z, t in pairs) / 24
    assert whole.scores["mae"] == pytest.approx(error, abs=1e-5)
    correct = sum((z >= 0) == (t >= 0) for z, t in pairs) / 24
    assert whole.accuracy == pytest.approx(correct)


def test_micro_batches_keep_each_sample_with_its_target() -> None:
    split = data_of().splits["train"]
    found = [
        batch for batch, _ in micro_batches(Batch(split.inputs, split.labels, split.targets), 4)
    ]
    assert len(found) == 4
    for batch in found:
        assert batch.targets is not None and torch.equal((batch.targets >= 0).long(), batch.labels)
    joined = torch.cat([batch.targets for batch in found if batch.targets is not None])
    assert split.targets is not None and torch.equal(joined, split.targets)


# -- whole trainings -----------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("regression") / "run"
    data = scored(small_data(("visual", "text", "thermal"), train=200, val=60, test=60))
    return train_small(root, data, method="uniform+boost", epochs=10)


def test_it_learns(trained: Any) -> None:
    trainer, run = trained
    targets = trainer.components.data.splits["val"].targets
    rows = rows_of(run, "epochs")
    assert rows["best_val_mae"][-1] < 0.75 * float((targets - targets.median()).abs().mean())
    assert rows["val_corr"].max() > 0.6 and rows["val_accuracy"].max() > 0.7


def test_every_number_is_recorded(trained: Any) -> None:
    _, run = trained
    rows = rows_of(run, "epochs")
    for name in ("mae", "corr", "f1", "accuracy_7"):
        assert np.isfinite(rows[f"val_{name}"]).all(), name
        assert np.isfinite(rows[f"test_{name}"][-1]), name
        assert np.isfinite(rows[f"test_{name}_at_best_val"][-1]), name
    assert np.isfinite(rows["test_accuracy_at_best_val"][-1])
    for name in ("best_val_accuracy", "val_probe_accuracy/visual", "shapley/visual"):
        assert np.isfinite(rows[name]).all(), name
    steps = rows_of(run, "steps")
    for name in ("own_loss/visual", "own_accuracy/visual"):
        assert np.isfinite(steps[name]).all(), name
    for name in ("discrepancy/visual", "own_entropy/visual"):
        assert np.isnan(steps[name]).all(), f"{name} needs classes"


def test_the_model_of_the_lowest_error_is_kept_and_tested(trained: Any) -> None:
    trainer, run = trained
    rows = rows_of(run, "epochs")
    assert rows["best_val_mae"].tolist() == np.minimum.accumulate(rows["val_mae"]).tolist()
    best = int(rows["val_mae"].argmin())
    assert trainer.selection.best.step == int(rows["step"][best])
    model = trainer.components.model
    present = weights(trainer)
    folder = trainer.run.paths.checkpoints
    kept = checkpoint.load(checkpoint.best_path(folder, trainer.selection.best.step))
    model.load_state_dict(kept["model"])
    found = trainer.selection.evaluate("test", probes=False)
    model.load_state_dict(present)
    assert found.scores["mae"] == pytest.approx(rows["test_mae_at_best_val"][-1])
    assert found.accuracy == rows["test_accuracy_at_best_val"][-1]
    event = [event for event in run.events if event.kind == "evaluation"][-1]
    assert event.get("mae") == pytest.approx(found.scores["mae"])
    assert "lowest validation MAE" in str(event.get("model"))


def test_the_error_chooses_where_the_accuracy_says_otherwise(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path / "run", data_of(), small_config(epochs=3))
    found = iter([(0.5, 0.9), (0.4, 0.6), (0.45, 0.8)])
    real = trainer.selection.evaluate

    def scripted(split: str, **more: Any) -> Evaluation:
        if split != "val":
            return real(split, **more)
        error, accuracy = next(found)
        measured = real(split, **more)
        return replace(measured, accuracy=accuracy, scores={**measured.scores, "mae": error})

    trainer.selection.evaluate = scripted  # type: ignore[assignment, method-assign]
    rows = rows_of(train(trainer), "epochs")
    assert rows["best_val_mae"].tolist() == [0.5, 0.4, 0.4]
    assert rows["best_val_accuracy"].tolist() == [0.9, 0.9, 0.9]
    assert trainer.selection.best.step == int(rows["step"][1])


def test_a_training_that_diverges_still_ends(tmp_path: Path) -> None:
    trainer, run = train_small(
        tmp_path / "run",
        data_of(),
        optimizer={"lr": 10.0, "momentum": 0.9},
        epochs=3,
        encoder="mlp",
        on_nan="go",
    )
    assert rows_of(run, "epochs")["step"].size == 3 and trainer.selection.best.step > 0
    data = data_of()
    nothing = {part: torch.full((len(split),), math.nan) for part, split in data.splits.items()}
    broken = {part: replace(split, targets=nothing[part]) for part, split in data.splits.items()}
    trainer, run = train_small(
        tmp_path / "nan", replace(data, splits=broken), epochs=2, on_nan="go"
    )
    assert np.isnan(rows_of(run, "epochs")["val_mae"]).all() and trainer.selection.best.step > 0


def test_a_resumed_regression_is_the_same_bit_for_bit(tmp_path: Path) -> None:
    config = small_config(method="uniform+boost", epochs=4)
    whole = make_trainer(tmp_path / "whole", data_of(), config)
    run = train(whole)
    halved = make_trainer(tmp_path / "halved", data_of(), config)
    after_steps(halved, {9: halved.run.command_handler.stop})
    train(halved)
    resumed = resume_trainer(tmp_path / "halved", data_of(), config)
    assert_same_rows(run, train(resumed))
    assert_same_bits(weights(whole), weights(resumed))


def test_a_run_has_the_metrics_of_its_task(tmp_path: Path, trained: Any) -> None:
    """No columns of regression scores in a classification, no losses in nat in a regression."""
    _, run = train_small(tmp_path / "run", epochs=1)
    columns = {name.partition("/")[0] for name in run.columns("epochs")}
    assert not {metric.name for metric in SCORES} & columns
    manifest = trained[1].manifest
    assert {metric.name for metric in SCORES} < set(trained[1].columns("epochs"))
    units = {metric.name: metric.unit for metric in manifest.metrics}
    assert all(units[name] == "" for name in LOSSES) and units["probe_loss"] == "nat"


def test_warnings_of_the_loader_are_alerts_of_the_run(tmp_path: Path) -> None:
    data = replace(small_data(), info={"warnings": ["this is not CMU-MOSI"]})
    _, run = train_small(tmp_path / "run", data, epochs=1)
    assert [event.get("message") for event in run.events if event.kind == "alert"] == [
        "this is not CMU-MOSI"
    ]


def test_accumulation_and_half_precision(tmp_path: Path) -> None:
    for name, optimizer in (("accumulate", {"accumulate": 2}), ("bf16", {"amp": "bf16"})):
        _, run = train_small(
            tmp_path / name, data_of(), epochs=2, method="uniform+boost", optimizer=optimizer
        )
        assert np.isfinite(rows_of(run, "epochs")["val_mae"]).all()
