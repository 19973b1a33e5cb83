"""The arrays format: what is read, and that nothing of it depends on how it was stored."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data_kit import SAMPLES, correct, write_npz, write_zarr

import asgml.core.data
from asgml.core.data import load_data
from asgml.core.data.arrays.array_split import carve_val

WRITERS = [write_npz, write_zarr]


def rows_of(arrays: dict[str, Any], split: str) -> np.ndarray:
    return np.flatnonzero(arrays["split"] == split)


@pytest.mark.parametrize("write", WRITERS)
def test_every_sample_arrives_in_its_split_with_its_label(tmp_path: Path, write: Any) -> None:
    arrays = correct()
    data = load_data(write(tmp_path, arrays), {"normalize": False})

    assert data.modalities == ("audio", "image") and data.classes == ("calm", "glad", "cross")
    assert data.shapes == {"audio": (4, 6), "image": (2, 8, 8)}
    for name, split in data.splits.items():
        rows = rows_of(arrays, name)
        assert (
            split.labels.dtype == torch.int64
            and split.labels.tolist() == arrays["label"][rows].tolist()
        )
        assert split.inputs["audio"].dtype == split.inputs["image"].dtype == torch.float32
        np.testing.assert_array_equal(split.inputs["audio"], arrays["audio"][rows])
        np.testing.assert_allclose(split.inputs["image"], arrays["image"][rows] / 255, rtol=1e-6)
    assert sum(len(split) for split in data.splits.values()) == SAMPLES
    assert data.info["counts"] == {
        name: len(rows_of(arrays, name)) for name in ("train", "val", "test")
    }
    json.dumps(data.info)


def test_an_npz_and_a_zarr_group_give_the_same_data(tmp_path: Path) -> None:
    first, second = (load_data(write(tmp_path, correct())) for write in WRITERS)
    for name in first.splits:
        assert torch.equal(first.splits[name].labels, second.splits[name].labels)
        for modality in first.modalities:
            assert torch.equal(
                first.splits[name].inputs[modality], second.splits[name].inputs[modality]
            )


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4", "uint8"])
def test_every_allowed_type_becomes_float32(tmp_path: Path, dtype: str) -> None:
    values = np.random.default_rng(1).integers(0, 200, (SAMPLES, 5)).astype(dtype)
    data = load_data(
        write_npz(tmp_path, correct() | {"extra": values}),
        {"modalities": ["extra"], "normalize": False},
    )
    unit = 255 if dtype == "uint8" else 1
    expected = values[rows_of(correct(), "test")].astype("float64") / unit
    np.testing.assert_allclose(data.splits["test"].inputs["extra"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "others"),
    [((7,), (0,)), ((3, 7), (0, 1)), ((3, 5, 5), (0, 2, 3)), ((2, 3, 5, 5), (0, 1, 3, 4))],
)
def test_inputs_are_standardised_by_the_training_split_alone(
    tmp_path: Path, shape: tuple[int, ...], others: tuple[int, ...]
) -> None:
    arrays = correct()
    values = np.random.default_rng(2).normal(4.0, 9.0, (SAMPLES, *shape)).astype("float32")
    values += np.arange(values[0].size, dtype="float32").reshape(shape)
    values[arrays["split"] != "train"] += 1000  # must not be seen in the statistics
    data = load_data(write_npz(tmp_path, arrays | {"extra": values}), {"modalities": ["extra"]})

    train = values[rows_of(arrays, "train")].astype("float64")
    mean, std = train.mean(others, keepdims=True), train.std(others, keepdims=True)
    for name, split in data.splits.items():
        expected = (values[rows_of(arrays, name)] - mean) / std
        np.testing.assert_allclose(split.inputs["extra"], expected, rtol=1e-3, atol=1e-4)
    statistics = data.info["normalisation"]["extra"]
    np.testing.assert_allclose(statistics["mean"], mean.ravel(), rtol=1e-6)
    np.testing.assert_allclose(statistics["std"], std.ravel(), rtol=1e-6)


@pytest.mark.parametrize("constant", [0.0, 0.1, 0.7, -3e5])
def test_a_feature_constant_in_train_is_only_shifted(tmp_path: Path, constant: float) -> None:
    """Sums of a constant have a rounding error: a std of 1e-17 must not blow up the test split."""
    arrays = correct()
    values = np.random.default_rng(3).normal(size=(SAMPLES, 4)).astype("float32")
    values[:, 2] = constant
    values[arrays["split"] == "test", 2] += 1
    data = load_data(write_npz(tmp_path, arrays | {"extra": values}), {"modalities": ["extra"]})
    assert data.splits["train"].inputs["extra"][:, 2].abs().max() == 0
    np.testing.assert_allclose(data.splits["test"].inputs["extra"][:, 2], 1, rtol=1e-6)


def test_modalities_are_read_in_the_order_asked_for_and_the_others_not_at_all(
    tmp_path: Path,
) -> None:
    arrays = correct() | {
        "broken": np.full((SAMPLES, 2), np.nan, "float32"),
        "remark": np.array("no modality"),
    }
    data = load_data(write_npz(tmp_path, arrays), {"modalities": ["image", "audio"]})
    assert data.modalities == tuple(data.shapes) == ("image", "audio")
    assert list(data.splits["train"].inputs) == ["image", "audio"]


def test_without_val_a_tenth_of_each_class_of_train_becomes_val(tmp_path: Path) -> None:
    arrays = correct()
    arrays["split"][arrays["split"] == "val"] = "train"
    path = write_npz(tmp_path, arrays)
    data = load_data(path, seed=3)

    assert data.info["val"].startswith("10% of train")
    assert data.info["counts"] == {"train": 42, "val": 6, "test": 12}
    assert data.splits["val"].labels.bincount().tolist() == [2, 2, 2]
    again, other = load_data(path, seed=3), load_data(path, seed=4)
    assert torch.equal(data.splits["val"].inputs["audio"], again.splits["val"].inputs["audio"])
    assert not torch.equal(data.splits["val"].inputs["audio"], other.splits["val"].inputs["audio"])


def test_carving_leaves_test_alone_and_a_training_sample_to_every_class() -> None:
    labels = np.array([0] * 40 + [1] * 2 + [2] + [0] * 5)
    split = np.array(["train"] * 43 + ["test"] * 5)
    carved = carve_val(labels, split, seed=0)
    assert (carved[43:] == "test").all()
    assert np.bincount(labels[carved == "val"], minlength=3).tolist() == [4, 1, 0]
    assert np.bincount(labels[carved == "train"]).tolist() == [36, 1, 1]


def test_groups_in_more_than_one_split_are_counted(tmp_path: Path) -> None:
    arrays = correct()
    group = np.array([f"person {i}" for i in range(SAMPLES)])
    train, val, test = (rows_of(arrays, split) for split in ("train", "val", "test"))
    group[[train[0], train[1], test[0], test[1]]] = "Ann"
    group[[train[2], test[2], val[0]]] = "Ben"
    info = load_data(write_npz(tmp_path, arrays | {"group": group})).info
    assert info["groups_shared"] == 2 and info["groups_shared_val"] == 1
    assert "groups_shared" not in load_data(write_npz(tmp_path, arrays)).info


def test_without_names_classes_are_called_by_number(tmp_path: Path) -> None:
    arrays = correct()
    del arrays["classes"]
    assert load_data(write_npz(tmp_path, arrays)).classes == ("0", "1", "2")


@pytest.mark.parametrize("write", WRITERS)
def test_the_checksum_changes_with_the_data(tmp_path: Path, write: Any) -> None:
    arrays = correct()
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = load_data(write(tmp_path / "a", arrays)).info["sha256"]
    arrays["audio"][7, 1, 1] += 1
    assert load_data(write(tmp_path / "b", arrays)).info["sha256"] != first


def test_the_example_in_the_manual_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manual = (Path(asgml.core.data.__file__).parent / "DATA.md").read_text()
    example, *_ = re.findall(r"```python\n(.*?)```", manual, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    data = load_data("mine.npz")
    assert data.modalities == ("audio", "image") and data.classes == ("calm", "glad", "cross")
