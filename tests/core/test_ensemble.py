"""An ensemble of runs: the mean of their probabilities, and what cannot be averaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from core_kit import (
    make_trainer,
    modalities,
    rows_of,
    save_npz,
    small_config,
    small_data,
    train,
)

from asgml.core.config.run_config import make_config
from asgml.core.data.base import DataError, Dataset, load_data, select_modalities
from asgml.core.measures.task import REGRESSION
from asgml.core.run import checkpoint
from asgml.core.run.trained_model import configured_model
from asgml.core.run.unimodal_reference import ReferenceRunError
from asgml.core.training import ensemble
from asgml.core.training.ensemble import evaluate_ensemble
from asgml.storage.read.reader import Run

CPU = torch.device("cpu")


def train_on(root: Path, file: Path, names: tuple[str, ...], **changes: Any) -> Path:
    data = select_modalities(load_data(str(file)), names)
    config = small_config(data={"name": str(file)}, modalities=list(names), **changes)
    train(make_trainer(root, data, config))
    return root


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_npz(small_data(modalities(3), test=24), tmp_path_factory.mktemp("data") / "a.npz")


@pytest.fixture(scope="module")
def alone(file: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("alone")
    return [train_on(folder / m, file, (m,)) for m in modalities(3)]


def probabilities(root: Path, data: Dataset) -> list[list[float]]:
    """Return what the best network of a run predicts for test, by its layers one after another."""
    run = Run.open(root)
    assert run.manifest is not None
    model = configured_model(make_config(run.manifest.config), data).eval()
    best = max((root / "checkpoints").glob("best-*.pt"))
    model.load_state_dict(checkpoint.load(best)["model"])
    (m,) = data.modalities
    with torch.no_grad():
        features = model.encoders[m](data.splits["test"].inputs[m])
        logits = features @ model.fusion.classifier.weight.T + model.fusion.classifier.bias
    found: list[list[float]] = logits.softmax(dim=1).tolist()
    return found


def test_the_mean_of_the_probabilities_decides(alone: list[Path], file: Path) -> None:
    data = load_data(str(file))
    each = [
        probabilities(path, select_modalities(data, [m]))
        for path, m in zip(alone, data.modalities, strict=True)
    ]
    labels = data.splits["test"].labels.tolist()
    correct = 0
    for i, label in enumerate(labels):
        mean = [sum(predicted[i][c] for predicted in each) / 3 for c in range(3)]
        correct += mean.index(max(mean)) == label
    found = evaluate_ensemble(alone, "test", CPU)
    assert found.accuracy == pytest.approx(correct / len(labels))
    assert (found.split, found.averaged) == ("test", "softmax")


def test_each_member_is_as_good_as_its_run_recorded(alone: list[Path]) -> None:
    for split, column in (("test", "test_accuracy_at_best_val"), ("val", "best_val_accuracy")):
        found = evaluate_ensemble(alone, split, CPU)
        for member, path, m in zip(found.members, alone, modalities(3), strict=True):
            recorded = rows_of(Run.open(path), "epochs")
            assert member.accuracy == pytest.approx(recorded[column][-1])
            assert member.val_accuracy == recorded["best_val_accuracy"][-1]
            assert member.modalities == (m,) and member.path == str(path.resolve())


def test_joint_runs_take_part_too(alone: list[Path], file: Path, tmp_path: Path) -> None:
    joint = train_on(tmp_path / "joint", file, ("visual", "text"), epochs=1)
    found = evaluate_ensemble([*alone, joint], "test", CPU)
    assert found.members[-1].modalities == ("visual", "text")
    assert 0 <= found.accuracy <= 1


def test_outputs_of_a_regression_are_averaged(
    alone: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = torch.tensor([1.0, -1.0])
    outputs = iter([torch.tensor([[3.0], [-0.5]]), torch.tensor([[-1.0], [2.0]])])
    monkeypatch.setattr(ensemble, "make_task", lambda data: REGRESSION)
    monkeypatch.setattr(ensemble, "load_best_model", lambda *given: torch.nn.Identity())
    monkeypatch.setattr(ensemble, "predict", lambda *given: (next(outputs), targets))
    found = evaluate_ensemble(alone[:2], "test", CPU)
    assert [member.accuracy for member in found.members] == [1.0, 0.0]
    assert (found.averaged, found.accuracy) == ("output", 0.5)


# -- refusals ------------------------------------------------------------------------


def other_classes(root: Path, file: Path) -> Path:
    other = save_npz(small_data(("audio",), classes=4), root / "four.npz")
    return train_on(root / "run", other, ("audio",), epochs=1)


def other_values(root: Path, file: Path) -> Path:
    other = save_npz(small_data(modalities(3), test=24, seed=1), root / "other.npz")
    return train_on(root / "run", other, ("audio",), epochs=1)


def without_a_model(root: Path, file: Path) -> Path:
    path = train_on(root / "run", file, ("audio",), epochs=1)
    for best in (path / "checkpoints").glob("best-*.pt"):
        best.unlink()
    return path


def untrained(root: Path, file: Path) -> Path:
    (root / "run").mkdir()
    (root / "run" / "run.toml").write_text("", encoding="utf-8")
    return root / "run"


def foreign_config(root: Path, file: Path) -> Path:
    path = train_on(root / "run", file, ("audio",), epochs=1)
    edit(path, lambda record: record["config"].update(fusion={"kind": "\x1b[31m"}))
    return path


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = path / "run.zarr" / "zarr.json"
    record = json.loads(manifest.read_text(encoding="utf-8"))
    change(record["attributes"])
    manifest.write_text(json.dumps(record), encoding="utf-8")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (other_classes, "has the classes 4"),
        (other_values, "its content is"),
        (without_a_model, "has lost its best model"),
        (untrained, "has recorded nothing yet"),
        (foreign_config, "has a configuration that cannot be used: fusion.kind"),
    ],
)
def test_a_run_that_cannot_take_part_is_refused_in_one_line(
    make: Callable[[Path, Path], Path],
    words: str,
    alone: list[Path],
    file: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(ReferenceRunError) as raised:
        evaluate_ensemble([alone[1], make(tmp_path, file)], "test", CPU)
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_data_that_changed_or_is_gone_is_refused(tmp_path: Path) -> None:
    data = small_data()
    file = save_npz(data, tmp_path / "a.npz")
    runs = [train_on(tmp_path / m, file, (m,), epochs=1) for m in data.modalities]
    save_npz(small_data(seed=1), file)
    with pytest.raises(ReferenceRunError, match="was trained on other data than a holds now"):
        evaluate_ensemble(runs, "test", CPU)
    file.unlink()
    with pytest.raises(DataError, match=r"no data .*a\.npz"):
        evaluate_ensemble(runs, "test", CPU)


ENCODER = """
from torch import nn


class Own(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.features = 4
        self.layer = nn.Linear(shape[0], 4)

    def forward(self, x):
        return self.layer(x.flatten(1))
"""


def test_weights_of_an_encoder_whose_code_changed_are_refused(
    alone: list[Path], file: Path, tmp_path: Path
) -> None:
    """Of the modality itself and of the default; another modality's encoder matters to no one."""
    code = tmp_path / "enc.py"
    code.write_text(ENCODER, encoding="utf-8")
    target = f"{code}:Own"
    runs = {
        key: train_on(tmp_path / key, file, ("visual",), epochs=1, encoder={key: target})
        for key in ("visual", "default")
    }
    for run in runs.values():
        assert evaluate_ensemble([alone[0], run], "test", CPU).members[1].accuracy <= 1
    code.write_text(ENCODER.replace("self.layer(", "-self.layer("), encoding="utf-8")
    for key, run in runs.items():
        with pytest.raises(ReferenceRunError) as raised:
            evaluate_ensemble([alone[0], run], "test", CPU)
        message = str(raised.value)
        assert f"another content of {code} (encoder.{key})" in message and "\n" not in message
    code.unlink()
    with pytest.raises(ReferenceRunError, match=r"has lost an encoder: .*enc\.py.* cannot be read"):
        evaluate_ensemble([alone[0], runs["visual"]], "test", CPU)


def test_other_samples_in_the_split_are_refused(
    alone: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no content is recorded, the labels tell."""
    real, calls = ensemble.load_data, []

    def turned(*given: Any) -> Dataset:
        data = real(*given)
        calls.append(data)
        if len(calls) < 2:
            return data
        test = data.splits["test"]
        other = replace(test, labels=test.labels.flip(0))
        return replace(data, splits={**data.splits, "test": other})

    monkeypatch.setattr(ensemble, "load_data", turned)
    with pytest.raises(ReferenceRunError, match="has other samples in test than audio"):
        evaluate_ensemble(alone, "test", CPU)
