"""MOSI and MOSEI: both layouts read alike, labels as in papers, nothing repaired in silence."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from data_kit import correct, write_npz
from hypothesis import given
from hypothesis import strategies as st

from asgml.core.data.arrays import memory_limit
from asgml.core.data.base import DataError, Dataset
from asgml.core.data.catalogue import DATA_SETS
from asgml.core.data.datasets.affect import load
from asgml.core.data.datasets.sentiment import TASKS

SIZES = {"train": 30, "valid": 12, "test": 14}
WIDTHS = {"text": (5, 300), "audio": (7, 5), "vision": (3, 20)}
SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"

Pickled = dict[str, dict[str, Any]]


def mult(sizes: dict[str, int] = SIZES, widths: dict[str, tuple[int, ...]] = WIDTHS) -> Pickled:
    """As MulT has it; the scores go through all halves from -3 to 3."""
    rng = np.random.default_rng(0)
    whole = {}
    for split, count in sizes.items():
        scores = (np.arange(count) % 13 / 2 - 3).astype("float32")
        whole[split] = {
            m: rng.normal(scores.reshape(-1, *[1] * len(shape)), 1.0, (count, *shape))
            for m, shape in widths.items()
        }
        whole[split]["labels"] = scores.reshape(-1, 1, 1)
        whole[split]["id"] = np.array(
            [[f"v{i}".encode(), 0.0, 1.5] for i in range(count)], dtype=object
        )
    return whole


def mmsa(sizes: dict[str, int] = SIZES) -> Pickled:
    """The same numbers as MMSA has them, with what else is in its files."""
    whole = mult(sizes)
    for table in whole.values():
        scores = table.pop("labels").reshape(-1)
        count = len(scores)
        table |= {
            "regression_labels": scores,
            "classification_labels": np.sign(scores),
            "annotations": np.array(["Negative"] * count),
            "raw_text": np.array(["words, “spoken”"] * count),
            "text_bert": np.zeros((count, 3, 5), "float32"),
            "audio_lengths": [7] * count,
            "vision_lengths": [3] * count,
            "id": np.array([f"v{i}$_$0" for i in range(count)]),
        }
    return whole


def write(folder: Path, whole: object, name: str = "given.pkl", protocol: int = 4) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(whole, protocol))
    return f"mosi:{path}"


def read(folder: Path, whole: object, **options: Any) -> Dataset:
    return load(write(folder, whole), options, 0)


def refused(spec: str, **options: Any) -> str:
    with pytest.raises(DataError) as raised:
        load(spec, options, 0)
    message = str(raised.value)
    assert "\n" not in message and len(message) < 500
    return message


def values(whole: Pickled, m: str) -> dict[str, np.ndarray[Any, Any]]:
    return {"val" if split == "valid" else split: table[m] for split, table in whole.items()}


@pytest.mark.parametrize("layout", [mult, mmsa])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_both_layouts_are_read_alike(
    layout: Callable[[], Pickled], protocol: int, tmp_path: Path
) -> None:
    data = load(write(tmp_path, layout(), protocol=protocol), {"normalize": False}, 0)
    assert (
        data.name == "mosi"
        and data.modalities == ("text", "audio", "vision")
        and data.task == "classification"
    )
    assert data.shapes == WIDTHS and data.info["counts"] == {"train": 30, "val": 12, "test": 14}
    for m in data.modalities:
        for split, expected in values(mult(), m).items():
            found = data.splits[split].inputs[m]
            assert found.dtype == torch.float32 and np.array_equal(
                found.numpy(), expected.astype("float32")
            )
    for split in data.splits.values():
        assert split.labels.dtype == torch.int64 and split.targets is None


def label_by_hand(task: str, score: float) -> str | None:
    """Of the published descriptions, one sample at a time."""
    match task:
        case "acc2" | "regression":
            return "negative" if score < 0 else "non-negative"
        case "acc2_nonzero":
            return None if score == 0 else "negative" if score < 0 else "positive"
        case "acc3":
            return "negative" if score < -0.5 else "positive" if score > 0.5 else "neutral"
    return str(round(max(-3.0, min(3.0, score))))


@given(
    st.lists(
        st.one_of(st.floats(-4, 4, width=32), st.integers(-8, 8).map(lambda i: i / 2)), min_size=1
    )
)
def test_labels_are_those_of_the_papers(scores: list[float]) -> None:
    given = np.array(scores, dtype="float32")
    for name, task in TASKS.items():
        kept = task.kept(given)
        found = [task.classes[number] for number in task.label(given[kept])]
        by_hand = [
            label for score in given.tolist() if (label := label_by_hand(name, score)) is not None
        ]
        assert found == by_hand, name


@pytest.mark.parametrize("task", TASKS)
def test_every_task_loads_and_says_what_it_dropped(task: str, tmp_path: Path) -> None:
    data = read(tmp_path, mult(), task=task)
    scores = {split: table.reshape(-1) for split, table in values(mult(), "labels").items()}
    for split, part in data.splits.items():
        by_hand = [label_by_hand(task, score) for score in scores[split].tolist()]
        assert [data.classes[number] for number in part.labels] == [
            label for label in by_hand if label is not None
        ]
        assert data.info["dropped"][split] == by_hand.count(None)
        assert all(len(tensor) == len(part) for tensor in part.inputs.values())
        assert (
            data.info["class_counts"][split]
            == torch.bincount(part.labels, minlength=len(data.classes)).tolist()
        )
    assert (sum(data.info["dropped"].values()) > 0) == (task == "acc2_nonzero")


def test_the_inputs_of_dropped_samples_go_with_them(tmp_path: Path) -> None:
    data = read(tmp_path, mult(), task="acc2_nonzero", normalize=False)
    table = mult()["test"]
    kept = table["labels"].reshape(-1) != 0
    assert np.array_equal(
        data.splits["test"].inputs["audio"].numpy(), table["audio"][kept].astype("float32")
    )


def test_a_regression_has_the_scores_as_targets_and_their_signs_as_labels(tmp_path: Path) -> None:
    data = read(tmp_path, mult(), task="regression")
    assert data.task == "regression" and data.classes == ("negative", "non-negative")
    for split, expected in values(mult(), "labels").items():
        targets = data.splits[split].targets
        assert (
            targets is not None
            and targets.dtype == torch.float32
            and targets.tolist() == expected.reshape(-1).tolist()
        )
        assert torch.equal(data.splits[split].labels, (targets >= 0).long())


def test_what_is_not_a_number_becomes_zero_and_is_told(tmp_path: Path) -> None:
    whole = mult()
    whole["train"]["audio"][3, 2, 1] = -np.inf
    whole["test"]["audio"][0, 0, :2] = np.nan
    whole["valid"]["text"][1, 1, 1] = 1e300  # not a float32
    data = read(tmp_path, whole, normalize=False)
    assert data.splits["train"].inputs["audio"][3, 2, 1] == 0
    assert data.splits["test"].inputs["audio"][0, 0, :3].count_nonzero() == 1
    assert data.info["not_finite"] == {
        "text": {"train": 0, "val": 1, "test": 0},
        "audio": {"train": 1, "val": 0, "test": 2},
        "vision": {"train": 0, "val": 0, "test": 0},
    }
    assert [warning for warning in data.info["warnings"] if "not a number" in warning] == [
        "1 numbers of text were infinite or not a number, and are 0 now",
        "3 numbers of audio were infinite or not a number, and are 0 now",
    ]


def test_normalised_by_the_statistics_of_train_alone(tmp_path: Path) -> None:
    data = read(tmp_path, mult())
    for m in data.modalities:
        raw = {
            split: table.astype("float32").astype("float64")
            for split, table in values(mult(), m).items()
        }
        mean, std = raw["train"].mean(axis=(0, 1)), raw["train"].std(axis=(0, 1))
        for split, part in data.splits.items():
            np.testing.assert_allclose(part.inputs[m].numpy(), (raw[split] - mean) / std, atol=1e-4)


def test_modalities_are_chosen_in_the_order_given(tmp_path: Path) -> None:
    data = read(tmp_path, mult(), modalities=["vision", "text"])
    assert data.modalities == ("vision", "text") and list(data.splits["train"].inputs) == [
        "vision",
        "text",
    ]


# -- sizes ---------------------------------------------------------------------------


def thin(sizes: tuple[int, int, int], widths: dict[str, int]) -> Pickled:
    return mult(
        dict(zip(SIZES, sizes, strict=True)), {m: (1, width) for m, width in widths.items()}
    )


@pytest.mark.parametrize(
    ("name", "sizes", "widths"),
    [
        ("mosi", (1284, 229, 686), {"text": 300, "audio": 5, "vision": 20}),
        ("mosi", (1284, 229, 686), {"text": 768, "audio": 5, "vision": 20}),
        ("mosei", (1632, 187, 465), {"text": 300, "audio": 74, "vision": 35}),
    ],
)
def test_the_set_that_it_is_said_to_be_is_not_warned_of(
    name: str,
    sizes: tuple[int, int, int],
    widths: dict[str, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenth = {"train": 1632, "val": 187, "test": 465}  # the whole takes seconds
    monkeypatch.setitem(DATA_SETS, "mosei", replace(DATA_SETS["mosei"], published=tenth))
    spec = write(tmp_path, thin(sizes, widths)).replace("mosi:", f"{name}:")
    assert load(spec, {}, 0).info["warnings"] == []


@pytest.mark.parametrize("name", ["mosi", "mosei"])
def test_ch_sims_is_recognised(name: str, tmp_path: Path) -> None:
    """Published results called MOSEI were of this set: same layout, same kind of file name."""
    spec = write(
        tmp_path, thin((1368, 456, 457), {"text": 768, "audio": 33, "vision": 709})
    ).replace("mosi:", f"{name}:")
    (warning,) = load(spec, {}, 0).info["warnings"]
    assert "CH-SIMS" in warning and "1368/456/457" in warning and "768/33/709" in warning


def test_other_sizes_are_told_with_what_is_expected(tmp_path: Path) -> None:
    told = read(tmp_path, thin((30, 12, 14), {"text": 300, "audio": 74, "vision": 20})).info[
        "warnings"
    ]
    assert len(told) == 2
    assert "1284/229/686" in told[0] and "30/12/14" in told[0]
    assert "5 features of audio" in told[1] and "74" in told[1]


# -- files ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mosi", "mosi_data.pkl"),
        ("mosei", "mosei_senti_data.pkl"),
        ("mosi", "Processed/aligned_50.pkl"),
    ],
)
def test_a_file_of_a_known_name_is_found_in_a_folder(name: str, file: str, tmp_path: Path) -> None:
    write(tmp_path, mult(), file)
    assert load(f"{name}:{tmp_path}", {}, 0).info["source"] == str(tmp_path / file)


def test_two_versions_in_a_folder_are_for_the_person_to_choose_from(tmp_path: Path) -> None:
    for file in ("aligned_50.pkl", "unaligned_50.pkl"):
        write(tmp_path, mult(), file)
    message = refused(f"mosi:{tmp_path}")
    assert (
        "aligned_50.pkl, unaligned_50.pkl" in message
        and f"mosi:{tmp_path}/aligned_50.pkl" in message
    )


def test_an_npz_in_the_arrays_format_is_read_as_such(tmp_path: Path) -> None:
    assert load(f"mosi:{write_npz(tmp_path, correct())}", {"modalities": ["image"]}, 0).classes == (
        "calm",
        "glad",
        "cross",
    )


@pytest.mark.skipif(not (SHARED / "mosi.npz").exists(), reason="the shared data is not here")
def test_the_shared_mosi() -> None:
    data = load(f"mosi:{SHARED / 'mosi.npz'}", {}, 0)
    assert data.info["counts"] == {"train": 1273, "val": 174, "test": 752} and set(
        data.modalities
    ) == {"text", "audio", "video"}


def changed(split: str, **more: Any) -> Pickled:
    whole = mult()
    whole[split] |= more
    return whole


def without(split: str, key: str) -> Pickled:
    whole = mult()
    del whole[split][key]
    return whole


FAULTS: list[tuple[object, list[str]]] = [
    ([1, 2], ["holds a list"]),
    ({}, ["'train' among nothing"]),
    ({"train": mult()["train"]}, ["no split 'valid' among 'train'"]),
    ({"train": 3, "valid": 3, "test": 3}, ["'train'", "expected"]),
    (without("test", "audio"), ["test has 'text'", "'audio'"]),
    (without("valid", "labels"), ["val has", "'regression_labels' (MMSA)"]),
    (changed("train", labels=np.zeros((30, 4, 2))), ["'labels' of train is float64 (30, 4, 2)"]),
    (changed("train", labels=np.array(["a"] * 30)), ["'labels' of train is <U1"]),
    (changed("train", labels=np.full(30, np.nan)), ["30 scores that are not numbers"]),
    (changed("train", labels=np.ones(30)), ["class 'negative'"]),
    (changed("test", audio=np.zeros((13, 7, 5))), ["'audio' of test", "(13, 7, 5) for 14 scores"]),
    (changed("test", audio=np.zeros((14, 8, 5))), ["(7, 5) in train", "(8, 5) in test"]),
    (changed("test", audio=np.zeros((14, 2, 2, 2))), ["(14, 2, 2, 2)"]),
    (changed("test", audio=[[1.0], [1.0, 2.0]] * 7), ["unequal lengths"]),
    (changed("test", audio=[["a"]] * 14), ["'audio' of test is <U1"]),
]


@pytest.mark.parametrize(("whole", "words"), FAULTS)
def test_every_fault_is_one_line_that_names_the_file(
    whole: object, words: list[str], tmp_path: Path
) -> None:
    message = refused(write(tmp_path, whole))
    assert all(word in message for word in ["given.pkl", *words]), message


def test_options_and_places_that_are_none(tmp_path: Path) -> None:
    spec = write(tmp_path, mult())
    assert "acc2_nonzero" in refused(spec, task="acc4")
    assert "text, audio, vision" in refused(spec, modalities=["video"])
    assert "no option 'difficulty'" in refused(spec, difficulty=1)
    assert "mosi:PATH" in refused("mosi") and "mosi:PATH" in refused("mosi:")
    assert "there is no" in refused(f"mosi:{tmp_path}/none.pkl")
    assert "aligned_50.pkl" in refused(f"mosi:{tmp_path}")
    (tmp_path / "hostile.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    assert "os.system" in refused(f"mosi:{tmp_path}/hostile.pkl") and "hostile.pkl" in refused(
        f"mosi:{tmp_path}/hostile.pkl"
    )


def test_more_than_fits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "MEMORY_LIMIT", 4 * 56 * 5 * 300)
    spec = write(tmp_path, mult())
    assert "choose fewer" in refused(spec)
    assert load(spec, {"modalities": ["text"]}, 0)
