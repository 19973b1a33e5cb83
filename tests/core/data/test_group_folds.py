"""Folds of groups: nobody is in two splits, and each sample is tested once over all folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_kit import SAMPLES, correct, write_npz
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.core.config.run_config import make_config
from asgml.core.data import load_data
from asgml.core.data.arrays.group_folds import assignment, fold_splits
from asgml.core.data.base import DataError, Dataset
from asgml.core.run.protocol import protocol_of

SPLITS = {"train", "val", "test"}


def grouped(count: int = 15, kind: str = "text") -> dict[str, Any]:
    """Samples of so many persons, each with samples of every class."""
    persons = np.arange(SAMPLES) * count // SAMPLES
    names = np.array([f"actor {person}" for person in persons]) if kind == "text" else persons
    return {**correct(), "group": names}


def loaded(folder: Path, arrays: dict[str, Any], seed: int = 0, **options: Any) -> Dataset:
    return load_data(write_npz(folder, arrays), options, seed)


@settings(max_examples=12, deadline=None)
@given(
    groups=st.lists(st.integers(0, 30), min_size=24, max_size=48),
    classes=st.integers(2, 4),
    folds=st.integers(2, 4),
    seed=st.integers(0, 99),
)
def test_the_law_of_folds(groups: list[int], classes: int, folds: int, seed: int) -> None:
    """Whatever the groups are: or they are refused, as too few for it, in one line."""
    owner = np.array(groups)
    labels = np.arange(len(groups)) % classes
    tested = np.zeros(len(groups), int)
    for fold in range(folds):
        try:
            split = fold_splits(owner, labels, fold, folds, seed)
        except DataError as refused:
            assert "set folds" in str(refused) and "\n" not in str(refused)
            return
        assert set(split) == SPLITS and len(split) == len(groups)
        for one in set(groups):
            assert len(set(split[owner == one])) == 1, "a group is in one split"
        tested += split == "test"
    assert (tested == 1).all()


def test_folds_have_about_the_same_classes() -> None:
    """Persons who show one class more often: dealt by size alone, folds would be uneven."""
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(40), 10)
    labels = (rng.random(400) < np.repeat(np.linspace(0.1, 0.9, 40), 10)).astype(np.int64)
    shares = [
        labels[fold_splits(owner, labels, fold, 5, seed=3) == "test"].mean() for fold in range(5)
    ]
    assert np.ptp(shares) < 0.08


@pytest.mark.parametrize("kind", ["text", "number"])
def test_a_data_set_on_folds(kind: str, tmp_path: Path) -> None:
    arrays = grouped(kind=kind)
    parts = [loaded(tmp_path, arrays, folds=5, fold=fold) for fold in range(5)]
    sizes = [sum(len(part.splits[name]) for name in SPLITS) for part in parts]
    assert sizes == [SAMPLES] * 5
    assert sum(len(part.splits["test"]) for part in parts) == SAMPLES
    for part in parts:
        assert part.info["groups_shared"] == part.info["groups_shared_val"] == 0
        # standardised by the training split of this fold
        train = part.splits["train"].inputs["audio"]
        assert train.mean().abs() < 1e-5
    again = loaded(tmp_path, arrays, folds=5, fold=2)
    assert again.info["assignment"] == parts[2].info["assignment"]
    other = loaded(tmp_path, arrays, seed=1, folds=5, fold=2)
    assert other.info["assignment"] != parts[2].info["assignment"]


def test_the_protocol_names_the_fold_and_without_one_stays_as_it_was(tmp_path: Path) -> None:
    config = make_config({})
    plain = protocol_of(config, loaded(tmp_path, grouped()))
    assert plain.split == {} and plain.val == "from the file"
    folded = [
        protocol_of(config, loaded(tmp_path, grouped(), folds=5, fold=fold)) for fold in (0, 1)
    ]
    assert "fold 1 of 5, seed 0" in folded[1].split["groups"]
    assert len({plain.digest, *(each.digest for each in folded)}) == 3


def test_the_assignment_tells_any_other_dealing() -> None:
    split = np.array(["train", "val", "test", "train"])
    assert assignment(split) != assignment(split[[1, 0, 2, 3]])


@pytest.mark.parametrize(
    ("arrays", "options", "expected"),
    [
        (correct(), {"folds": 5}, "no array 'group' to keep apart"),
        (grouped(4), {"folds": 5}, "4 groups do not make 5 folds"),
        (grouped(2), {"folds": 2}, "leaves 1 group for train and val"),
        (grouped(), {"folds": 1}, "option folds is 1"),
        (grouped(), {"folds": 5, "fold": 5}, "option fold is 5"),
        (grouped(), {"fold": 1}, "option fold is 1"),
        (grouped(), {"folds": "5"}, "option folds is '5'"),
        ({**grouped(), "group": np.zeros(3)}, {"folds": 5}, "'group' has shape (3,)"),
    ],
)
def test_what_cannot_be_is_one_line(
    arrays: dict[str, Any], options: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as refused:
        loaded(tmp_path, arrays, **options)
    assert expected in str(refused.value) and "\n" not in str(refused.value)
