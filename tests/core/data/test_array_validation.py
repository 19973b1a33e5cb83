"""Every fault of a file is one line that names what is wrong."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_kit import SAMPLES, correct, write_npz, write_zarr

from asgml.core.data import DataError, load_data
from asgml.core.data.arrays import memory_limit
from asgml.core.data.arrays.array_validation import check_finite

Arrays = dict[str, Any]


def message_of(spec: str, options: dict[str, Any] | None = None) -> str:
    with pytest.raises(DataError) as raised:
        load_data(spec, options or {})
    message = str(raised.value)
    assert "\n" not in message and len(message) < 400
    return message


def without(*keys: str) -> Callable[[Arrays], Arrays]:
    return lambda arrays: {key: values for key, values in arrays.items() if key not in keys}


def put(**more: Any) -> Callable[[Arrays], Arrays]:
    return lambda arrays: arrays | more


def put_at(key: str, row: Any, value: Any) -> Callable[[Arrays], Arrays]:
    def change(arrays: Arrays) -> Arrays:
        arrays[key][row] = value
        return arrays

    return change


def no_training_sample_of_class_1(arrays: Arrays) -> Arrays:
    arrays["split"][(arrays["label"] == 1) & (arrays["split"] == "train")] = "test"
    return arrays


def two_bad_rows(arrays: Arrays) -> Arrays:
    arrays["audio"][11, 0, 0], arrays["audio"][40, 2, 3] = np.nan, -np.inf
    return arrays


FAULTS: list[tuple[Callable[[Arrays], Arrays], list[str]]] = [
    (without("label"), ["'label'", "split, classes, audio, image"]),
    (without("split"), ["'split'", "add it"]),
    (without("audio", "image"), ["no modality"]),
    (put(label=np.arange(SAMPLES - 1) % 3), ["'split' has 60 entries for 59 labels"]),
    (put(split=np.array(["train"] * 3)), ["'split' has 3 entries for 60 labels"]),
    (put(audio=np.zeros((59, 4), "float32")), ["'audio'", "59 samples for 60 labels"]),
    (put(label=np.arange(SAMPLES) % 3 * 1.0), ["'label' is float64", "integers"]),
    (put(label=np.arange(SAMPLES) % 4), ["from 0 to 3", "names 3"]),
    (put(label=np.arange(SAMPLES) % 3 - 1), ["from -1 to 1"]),
    (put(label=np.zeros((SAMPLES, 1), int)), ["'label' has shape (60, 1)"]),
    (put(label=np.zeros(0, int)), ["'label' has shape (0,)"]),
    (
        lambda arrays: without("classes")(put(label=np.arange(SAMPLES) * 1000)(arrays)),
        ["runs to 59000", "60 samples"],
    ),
    (put(classes=np.array(["calm", "glad", "glad"])), ["'glad' twice"]),
    (put(classes=np.array([1, 2, 3])), ["'classes' is int64", "text"]),
    (put(classes=np.array([["a", "b", "c"]])), ["'classes' has shape (1, 3)"]),
    (put(classes=np.array(["calm", "glad", "cross", "shy"])), ["class 'shy'"]),
    (no_training_sample_of_class_1, ["class 'glad'"]),
    (two_bad_rows, ["'audio'", "2 of 60 samples", "row 11"]),
    (put(audio=np.full((SAMPLES, 2), 1e39)), ["'audio'", "60 of 60", "row 0"]),
    (put_at("split", 5, "valid"), ["'valid'", "'train', 'val' or 'test'"]),
    (put(split=np.array(["train"] * SAMPLES)), ["no sample as 'test'"]),
    (put(split=np.array(["test"] * SAMPLES)), ["no sample as 'train'"]),
    (put(group=np.zeros(4)), ["'group' has shape (4,)"]),
    (put(audio=np.zeros((SAMPLES, 4), "int16")), ["'audio' is int16", "float32"]),
    (put(audio=np.array([["a"]] * SAMPLES)), ["'audio' is <U1"]),
    (put(audio=np.zeros(SAMPLES, "float32")), ["'audio' has shape (60,)", "(N, D)"]),
    (
        put(audio=np.zeros((SAMPLES, 1, 1, 1, 1, 2), "float32")),
        ["'audio' has shape (60, 1, 1, 1, 1, 2)"],
    ),
    (put(audio=np.zeros((SAMPLES, 0), "float32")), ["'audio' has shape (60, 0)", "length 0"]),
    (put(**{"my audio": np.zeros((SAMPLES, 2), "float32")}), ["'my audio'", "column names"]),
    (put(**{"a" * 41: np.zeros((SAMPLES, 2), "float32")}), ["1 to 40"]),
]


@pytest.mark.parametrize(
    ("change", "expected"), FAULTS, ids=lambda given: given[0] if isinstance(given, list) else ""
)
def test_a_fault_is_named(tmp_path: Path, change: Any, expected: list[str]) -> None:
    path = write_npz(tmp_path, change(correct()))
    message = message_of(path)
    assert message.startswith(path)
    assert all(words in message for words in expected), message


@pytest.mark.parametrize("change", [change for change, _ in FAULTS])
def test_the_same_faults_in_a_zarr_group_are_errors_too(tmp_path: Path, change: Any) -> None:
    path = write_zarr(tmp_path, change(correct()))
    assert message_of(path).startswith(path)


def test_a_bad_row_far_down_is_found() -> None:
    values = np.zeros((1000, 2), "float32")
    values[[777, 900]] = np.inf
    with pytest.raises(DataError, match="2 of 1000 samples, the first in row 777"):
        check_finite("audio", values)


def test_no_such_file(tmp_path: Path) -> None:
    assert "neither a file nor one of synthetic" in message_of(str(tmp_path / "none.npz"))


@pytest.mark.parametrize(
    "content", [b"", b"label,split\n1,train\n", b"PK\x03\x04 torn", pickle.dumps({"label": [0]})]
)
def test_a_file_of_another_kind(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    assert "not an .npz file" in message_of(str(path))


def test_a_single_array_is_not_an_npz(tmp_path: Path) -> None:
    path = tmp_path / "mine.npy"
    np.save(path, np.zeros(3))
    assert "not an .npz file" in message_of(str(path))


def test_a_folder_that_is_no_zarr_group(tmp_path: Path) -> None:
    assert "no Zarr group" in message_of(str(tmp_path))
    single = Path(write_zarr(tmp_path, correct())) / "audio"
    assert "no Zarr group" in message_of(str(single))


def test_a_group_inside_a_zarr_group(tmp_path: Path) -> None:
    import zarr

    path = write_zarr(tmp_path, correct())
    zarr.open_group(path).create_group("more")
    assert "'more' is a group" in message_of(path)


class Trap:
    """Pickled, it would write a file when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("open('sprung', 'w')",))


@pytest.mark.parametrize("key", ["label", "split", "classes", "audio"])
def test_python_objects_are_refused_and_never_run(
    tmp_path: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    objects = np.empty((SAMPLES, 2) if key == "audio" else SAMPLES, dtype=object)
    objects[:] = Trap()
    message = message_of(write_npz(tmp_path, correct() | {key: objects}))
    assert f"{key!r}" in message and "bject" in message
    assert not (tmp_path / "sprung").exists()


def test_a_damaged_array_is_named(tmp_path: Path) -> None:
    path = Path(write_npz(tmp_path, correct()))
    content = bytearray(path.read_bytes())
    start = content.index(b"image.npy") + 400
    content[start : start + 8] = bytes(8)
    path.write_bytes(content)
    assert "'image' cannot be read" in message_of(str(path))


def test_a_damaged_zarr_chunk_is_named(tmp_path: Path) -> None:
    path = Path(write_zarr(tmp_path, correct()))
    chunk = next(file for file in (path / "image" / "c").rglob("*") if file.is_file())
    chunk.write_bytes(b"torn")
    assert "'image' cannot be read" in message_of(str(path))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"modality": ["audio"]}, ["no option 'modality'", "modalities, normalize"]),
        ({"modalities": ["sound"]}, ["'sound'", "audio, image"]),
        ({"modalities": ["label"]}, ["'label'", "audio, image"]),
        ({"modalities": []}, ["one name or more"]),
        ({"modalities": ["audio", "audio"]}, ["each once"]),
        ({"modalities": "audio"}, ["a list of names"]),
        ({"normalize": "no"}, ["normalize is 'no'", "true or false"]),
    ],
)
def test_a_wrong_option_is_named(tmp_path: Path, options: dict[str, Any], words: list[str]) -> None:
    message = message_of(write_npz(tmp_path, correct()), options)
    assert all(word in message for word in words)


def test_too_much_for_memory_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_limit, "MEMORY_LIMIT", SAMPLES * 4 * (24 + 128) - 1)
    path = write_npz(tmp_path, correct())
    assert "GiB" in message_of(path)
    load_data(path, {"modalities": ["image"]})


def test_too_few_samples_to_carve_val(tmp_path: Path) -> None:
    few = {
        "label": np.arange(6) % 3,
        "split": np.array(["train"] * 3 + ["test"] * 3),
        "x": np.ones((6, 2), "float32"),
    }
    assert "mark some samples as 'val'" in message_of(write_npz(tmp_path, few))


def test_an_npy_header_of_an_unknown_version(tmp_path: Path) -> None:
    import zipfile

    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.zeros(3), version=(1, 0))
    content = bytearray(stream.getvalue())
    content[6] = 9
    with zipfile.ZipFile(tmp_path / "mine.npz", "w") as archive:
        archive.writestr("label.npy", bytes(content))
    assert "not an .npz file" in message_of(str(tmp_path / "mine.npz"))
