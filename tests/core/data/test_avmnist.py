"""AV-MNIST: MultiBench's folder, its order and its split; an .npz is read as arrays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data_kit import correct, write_npz

from asgml.core.data.arrays import memory_limit
from asgml.core.data.base import DataError
from asgml.core.data.datasets.avmnist import load

TRAIN, TEST, VAL = 36, 14, 12


def contents(
    dtype: str = "float64", image: tuple[int, ...] = (784,), audio: tuple[int, ...] = (112, 112)
) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    made: dict[str, Any] = {}
    for part, count in (("train", TRAIN), ("test", TEST)):
        made[f"{part}_labels.npy"] = (np.arange(count) * 7) % 10
        for m, shape in (("image", image), ("audio", audio)):
            made[f"{m}/{part}_data.npy"] = rng.integers(0, 256, (count, *shape)).astype(dtype)
    return made


def write(folder: Path, made: dict[str, Any]) -> str:
    for name, array in made.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        np.save(folder / name, array, allow_pickle=True)
    return f"avmnist:{folder}"


def refused(spec: str, **options: Any) -> str:
    with pytest.raises(DataError) as raised:
        load(spec, {"val": VAL} | options, 0)
    message = str(raised.value)
    assert "\n" not in message and len(message) < 500
    return message


@pytest.mark.parametrize("image", [(784,), (28, 28), (1, 28, 28)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "uint8"])
def test_the_last_of_train_are_val_and_nothing_changes_places(
    image: tuple[int, ...], dtype: str, tmp_path: Path
) -> None:
    made = contents(dtype, image)
    data = load(write(tmp_path, made), {"val": VAL, "normalize": False}, 0)
    assert data.shapes == {"audio": (112, 112), "image": (1, 28, 28)} and data.classes == tuple(
        "0123456789"
    )
    begin = TRAIN - VAL
    unit = 255 if dtype == "uint8" else 1
    for split, part, rows in (
        ("train", "train", slice(begin)),
        ("val", "train", slice(begin, None)),
        ("test", "test", slice(None)),
    ):
        found = data.splits[split]
        assert (
            found.labels.dtype == torch.int64
            and found.labels.tolist() == made[f"{part}_labels.npy"][rows].tolist()
        )
        for m, shape in data.shapes.items():
            expected = made[f"{m}/{part}_data.npy"][rows].reshape(-1, *shape) / unit
            assert found.inputs[m].dtype == torch.float32
            np.testing.assert_allclose(found.inputs[m].numpy(), expected, rtol=1e-6)


def test_normalised_by_train_without_val(tmp_path: Path) -> None:
    data = load(write(tmp_path, contents()), {"val": VAL}, 0)
    train, val = data.splits["train"].inputs, data.splits["val"].inputs
    assert (
        abs(float(train["image"].mean())) < 1e-5
        and abs(float(train["image"].std(correction=0)) - 1) < 1e-5
    )
    assert train["audio"].mean(dim=(0, 1)).abs().max() < 1e-5  # each bin by itself
    assert abs(float(val["image"].mean())) > 1e-4


def test_the_published_split(tmp_path: Path) -> None:
    assert "the last 5000" in refused(write(tmp_path, contents()), val=5000) and load(
        f"avmnist:{tmp_path}", {"val": TRAIN - 12}, 0
    )
    with pytest.raises(DataError, match="train has 36 samples, and the last 5000"):
        load(f"avmnist:{tmp_path}", {}, 0)


def test_a_modality_that_is_not_wanted_need_not_be_there(tmp_path: Path) -> None:
    made = contents()
    only = {name: array for name, array in made.items() if not name.startswith("audio")}
    assert load(write(tmp_path, only), {"val": VAL, "modalities": ["image"]}, 0).modalities == (
        "image",
    )


def test_an_npz_in_the_arrays_format_is_read_as_such(tmp_path: Path) -> None:
    assert load(f"avmnist:{write_npz(tmp_path, correct())}", {}, 0).modalities == ("audio", "image")


def put(name: str, array: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda made: made | {name: array}


def drop(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda made: {key: array for key, array in made.items() if key != name}


FAULTS: list[tuple[Callable[[dict[str, Any]], dict[str, Any]], list[str]]] = [
    (drop("train_labels.npy"), ["there is no", "train_labels.npy"]),
    (drop("audio/test_data.npy"), ["there is no", "audio/test_data.npy"]),
    (put("test_labels.npy", np.full(TEST, 10)), ["test_labels.npy runs from 10 to 10"]),
    (put("test_labels.npy", np.full(TEST, 0.5)), ["from 0.5 to 0.5"]),
    (put("test_labels.npy", np.zeros((TEST, 10))), ["test_labels.npy", "(14, 10)"]),
    (put("test_labels.npy", np.array(["a"] * TEST)), ["test_labels.npy is <U1"]),
    (put("train_labels.npy", np.zeros(TRAIN)), ["class '1'"]),
    (
        put("image/test_data.npy", np.zeros((TEST, 785))),
        ["image/test_data.npy", "(14, 785) for 14 labels", "(14, 784)"],
    ),
    (put("image/test_data.npy", np.zeros((TEST - 1, 784))), ["(13, 784) for 14 labels"]),
    (put("image/test_data.npy", np.zeros((TEST, 784), "int64")), ["int64", "uint8"]),
    (
        put("image/test_data.npy", np.zeros((TEST, 784), "uint8")),
        ["image of train is float64, of test uint8"],
    ),
    (
        put("audio/train_data.npy", np.full((TRAIN, 112, 112), np.nan)),
        ["audio/train_data.npy", "36 of 36 samples"],
    ),
    (put("audio/train_data.npy", np.array([{}] * TRAIN)), ["audio/train_data.npy cannot be read"]),
]


@pytest.mark.parametrize(("change", "words"), FAULTS)
def test_every_fault_is_one_line_that_names_the_file(
    change: Callable[[dict[str, Any]], dict[str, Any]], words: list[str], tmp_path: Path
) -> None:
    message = refused(write(tmp_path, change(contents())))
    assert all(word in message for word in words), message


def test_a_cut_file_and_a_place_that_is_none(tmp_path: Path) -> None:
    spec = write(tmp_path, contents())
    whole = (tmp_path / "image/test_data.npy").read_bytes()
    for end in (0, 20, 100, len(whole) - 8):
        (tmp_path / "image/test_data.npy").write_bytes(whole[:end])
        assert "image/test_data.npy" in refused(spec)
    assert "there is no" in refused(f"avmnist:{tmp_path}/none") and "no folder given" in refused(
        "avmnist"
    )


def test_more_than_fits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "MEMORY_LIMIT", 10**6)
    assert "choose fewer" in refused(write(tmp_path, contents()))
