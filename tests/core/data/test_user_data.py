"""Data from a class of the user's own: read by batch or at once, in this process or in others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from asgml.core.data.base import DataError, Dataset, load_data, select_modalities
from asgml.core.data.loading.batches import in_order
from asgml.core.data.report.report_builder import build_report
from asgml.core.user_file import run_file

CPU = torch.device("cpu")
TEMPLATE = """
import numpy as np
import torch

{more}


class Cards(list):
    pass


class Mine:
    classes = ("calm", "glad")
    workers = {workers}

    def __init__(self, size=10):
        self.size = size

    def split(self, name):
        count = {{"train": self.size, "val": {val}, "test": 4}}[name]
        cards = Cards(
            {{
                "label": i % 2,
                "sound": np.full((2, 3), 100 * i, dtype="float64"),
                "words": [i, i + 1],
                "flag": torch.tensor(i > 1),
            }}
            for i in range(count)
        )
        {labels}
        return cards
"""
Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file with a class Mine; return FILE.py:Mine."""

    def written(
        *, lazy: bool = False, val: int = 4, workers: int = 0, old: str = "", new: str = ""
    ) -> str:
        labels = "cards.labels = [i % 2 for i in range(count)]" if lazy else ""
        text = TEMPLATE.format(more="", workers=workers, val=val, labels=labels)
        assert old in text
        path = tmp_path / "mine.py"
        path.write_text(text.replace(old, new) if old else text, encoding="utf-8")
        run_file.cache_clear()
        return f"{path}:Mine"

    return written


def read(data: Dataset, split: str) -> dict[str, torch.Tensor]:
    batches = list(in_order(data.splits[split], 3, CPU))
    return {
        **{m: torch.cat([batch.inputs[m] for batch in batches]) for m in data.modalities},
        "label": torch.cat([batch.labels for batch in batches]),
    }


@pytest.mark.parametrize(("lazy", "workers"), [(False, 0), (True, 0), (True, 2)])
def test_the_samples_come_out_as_the_class_gives_them(
    lazy: bool, workers: int, write: Write
) -> None:
    data = load_data(write(lazy=lazy, workers=workers))
    assert data.name == "mine.py:Mine" and data.classes == ("calm", "glad")
    assert data.shapes == {"sound": (2, 3), "words": (2,), "flag": ()}
    found = read(data, "train")
    numbers = torch.arange(10)
    assert torch.equal(found["sound"], (100.0 * numbers).view(10, 1, 1).expand(10, 2, 3))
    assert torch.equal(found["words"], torch.stack([numbers, numbers + 1], dim=1))
    assert found["words"].dtype == torch.int64 and found["sound"].dtype == torch.float32
    assert torch.equal(found["flag"], (numbers > 1).long())
    assert torch.equal(found["label"], numbers % 2)
    assert data.info["counts"] == {"train": 10, "val": 4, "test": 4}
    assert (data.splits["train"].rows is not None) == lazy


@pytest.mark.parametrize("lazy", [False, True])
def test_without_val_a_tenth_of_each_class_of_train_is_taken(lazy: bool, write: Write) -> None:
    data = load_data(write(lazy=lazy, val=0), {"size": 40}, seed=3)
    train, val = (read(data, name) for name in ("train", "val"))
    assert val["label"].tolist().count(0) == val["label"].tolist().count(1) == 2
    numbers = torch.cat([train["words"][:, 0], val["words"][:, 0]])
    assert sorted(numbers.tolist()) == list(range(40)), "each sample is in one of them"
    assert torch.equal(train["words"][:, 0] % 2, train["label"])
    assert "stratified, seed 3" in data.info["val"]
    again = read(load_data(write(lazy=lazy, val=0), {"size": 40}, seed=3), "val")
    assert torch.equal(again["words"], val["words"])


def test_another_file_is_other_data(write: Write) -> None:
    first = load_data(write()).info["sha256"]
    assert load_data(write(old="100 * i", new="99 * i")).info["sha256"] != first
    assert load_data(write()).info["sha256"] == first


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"label": i % 2', '"label": i', ["split('train')[2]", "label 2", "0 to 1"]),
        ('"label": i % 2,', "", ["split('train')[0]", "'label'"]),
        ("np.full((2, 3)", "np.full((2, 3 + i // 5)", ["('train')[5]", "(2, 4)", "pad"]),
        ('classes = ("calm", "glad")', 'classes = ("calm",)', ["classes", "two or more"]),
        ('classes = ("calm", "glad")', "classes = 2", ["classes = 2"]),
        ("np.full((2, 3)", "np.full((2, 0)", ["('train')[0]", "'sound'", "(2, 0)", "length 0"]),
        ("return cards", "return 3", ["split('train')", "TypeError"]),
        ("return cards", "return [1, 2]", ["split('train')[0] is a int", "mapping"]),
        ("return cards", "return cards if name != 'test' else ()", ["test", "no samples"]),
        ("return cards", "raise OSError('gone')", ["OSError: gone (line"]),
        ("self.size = size", "raise OSError('gone')", ["cannot be made", "OSError: gone (line"]),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line_that_names_the_sample(
    old: str, new: str, words: list[str], write: Write
) -> None:
    with pytest.raises(DataError) as caught:
        load_data(write(old=old, new=new))
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message and "mine.py:Mine" in message


def test_an_unknown_option_is_named(write: Write) -> None:
    with pytest.raises(DataError, match=r"options \{'sise': 3\}.*sise"):
        load_data(write(), {"sise": 3})


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sample_that_cannot_be_read_later_names_itself(workers: int, write: Write) -> None:
    """Also from another process."""
    target = write(lazy=True, workers=workers, old="np.full((2, 3)", new="np.full((2, 3 + i // 5)")
    data = load_data(target)
    with pytest.raises(DataError, match=r"split\('train'\)\[5\] has sound \(2, 4\)"):
        read(data, "train")


def test_the_check_reads_every_sample(write: Write) -> None:
    report = build_report(write(lazy=True), {}, 0)
    assert report.splits["train"].samples == 10
    with pytest.raises(DataError, match=r"\[5\]"):
        build_report(write(lazy=True, old="np.full((2, 3)", new="np.full((2, 3 + i // 5)"), {}, 0)


SOUND = 'np.full((2, 3), 100 * i, dtype="float64")'
BAD = (
    # in memory: at the start. Given: old text, new text, words of the error
    (SOUND, "np.full((2, 3), np.nan if i == 3 else 0.0)", ["('train')[3]", "'sound'", "NaN"]),
    (SOUND, "np.full((2, 3), np.inf if i == 3 else 0.0)", ["('train')[3]", "'sound'", "infinity"]),
    (SOUND, "np.full((2, 3), 1e39 if i == 3 else 0.0)", ["('train')[3]", "'sound'", "float32"]),
    (SOUND, "'words' if i == 3 else np.zeros((2, 3))", ["('train')[3]", "'sound'", "str"]),
    (SOUND, "np.zeros((2, 3), 'complex64' if i == 3 else 'f4')", ["[3]", "'sound'", "complex"]),
)


@pytest.mark.parametrize("workers", [None, 0, 2])
@pytest.mark.parametrize(("old", "new", "words"), BAD)
def test_a_value_that_cannot_be_trained_on_names_sample_and_modality(
    workers: int | None, old: str, new: str, words: list[str], write: Write
) -> None:
    """At the start where samples are read into memory, else when they are read, in any process."""
    target = write(lazy=workers is not None, workers=workers or 0, old=old, new=new)
    if workers is None:
        with pytest.raises(DataError) as caught:
            load_data(target)
    else:
        data = load_data(target)
        with pytest.raises(DataError) as caught:
            read(data, "train")
        with pytest.raises(DataError, match=r"'sound'"):
            build_report(target, {}, 0)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message and "mine.py:Mine" in message


def test_values_of_a_modality_that_is_not_trained_do_not_matter(write: Write) -> None:
    data = load_data(write(lazy=True, old=BAD[0][0], new=BAD[0][1]))
    assert len(read(select_modalities(data, ["words"]), "train")["words"]) == 10


@pytest.mark.parametrize("name", ["a/b", "../c", "", "a b", "x" * 41, "é"])
def test_a_name_that_cannot_be_part_of_a_column_is_refused(name: str, write: Write) -> None:
    with pytest.raises(DataError) as caught:
        load_data(write(old='"sound":', new=f"{name!r}:"))
    message = str(caught.value)
    assert f"split('train')[0], modality {name!r}" in message and "column names" in message


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("label", ["0.5", "1.0", "'1'", "None", "np.array([0, 1])", "np.nan"])
def test_a_label_that_is_no_whole_number_is_refused(label: str, lazy: bool, write: Write) -> None:
    old, new = ("[i % 2 for", f"[{label} if i == 3 else i % 2 for")
    if not lazy:
        old, new = ('"label": i % 2', f'"label": {label} if i == 3 else i % 2')
    with pytest.raises(DataError, match=r"\('train'\)\[3\] has label .*whole number from 0 to 1"):
        load_data(write(lazy=lazy, old=old, new=new))


@pytest.mark.parametrize(
    "label", ["np.int8(i % 2)", "np.array([i % 2])", "torch.tensor(i % 2)", "i % 2 == 1"]
)
def test_whole_numbers_of_any_type_are_labels(label: str, write: Write) -> None:
    data = load_data(write(old='"label": i % 2', new=f'"label": {label}'))
    assert data.splits["train"].labels.tolist() == [0, 1] * 5


def test_labels_that_are_not_those_of_the_samples_are_refused_when_read(write: Write) -> None:
    target = write(lazy=True, old="[i % 2 for", new="[1 - i % 2 if i == 4 else i % 2 for")
    data = load_data(target)
    words = r"split\('train'\)\[4\] has label 0, and split\('train'\)\.labels\[4\] is 1"
    with pytest.raises(DataError, match=words):
        read(data, "train")
    with pytest.raises(DataError, match=words):
        build_report(target, {}, 0)


def test_labels_that_are_no_sequence_are_refused(write: Write) -> None:
    target = write(lazy=True, old="[i % 2 for i in range(count)]", new="7")
    with pytest.raises(DataError, match=r"\.labels is no sequence of class numbers: TypeError"):
        load_data(target)


@pytest.mark.parametrize("val", [0, 4])
def test_train_holds_one_of_every_class(val: int, write: Write) -> None:
    target = write(val=val, old='("calm", "glad")', new='("calm", "glad", "cross")')
    with pytest.raises(DataError, match=r"mine\.py:Mine.*no training sample of class 'cross'"):
        load_data(target)


def test_labels_of_another_length_are_refused(write: Write) -> None:
    changes: dict[str, Any] = {"old": "for i in range(count)]", "new": "for i in range(3)]"}
    with pytest.raises(DataError, match="3 entries for 10 samples"):
        load_data(write(lazy=True, **changes))
