"""The built-in data: its laws, its determinism, and that every kind shows its class."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asgml.core.data import DataError, load_data
from asgml.core.data.synthetic.emotions import CLASSES, KINDS, draw_labels, shown_classes
from asgml.core.data.synthetic.face import draw_faces

SMALL = {"train": 60, "val": 12, "test": 30}
MANY = 30_000
SIX_SIGMA = 6 * 0.5 / math.sqrt(MANY)  # six times the most a fraction of MANY samples can stray by


def wrong(shown: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return shown != labels


@settings(max_examples=20, deadline=None)
@given(a=st.floats(0, 1), b=st.floats(0, 1), r=st.floats(0, 1), seed=st.integers(0, 1000))
def test_the_law_of_what_modalities_show(a: float, b: float, r: float, seed: int) -> None:
    """A random class is the label one time in six, so only 5/6 of those drawn can be counted."""
    labels = draw_labels(MANY, np.random.default_rng(seed))
    shown = shown_classes(labels, {"a": a, "b": b}, r, [seed])
    wrong_a, wrong_b = wrong(shown["a"], labels), wrong(shown["b"], labels)

    assert abs(wrong_a.mean() - 5 / 6 * a) < SIX_SIGMA
    assert abs(wrong_b.mean() - 5 / 6 * b) < SIX_SIGMA
    both_shared, both_apart = 5 / 6 * min(a, b), 25 / 36 * a * b
    assert abs((wrong_a & wrong_b).mean() - (r * both_shared + (1 - r) * both_apart)) < SIX_SIGMA


def test_with_redundancy_1_equally_hard_modalities_show_the_same_class() -> None:
    labels = draw_labels(1000, np.random.default_rng(0))
    shown = shown_classes(labels, {"a": 0.4, "b": 0.4, "c": 0.1}, 1.0, [0])
    np.testing.assert_array_equal(shown["a"], shown["b"])
    mislead = wrong(shown["c"], labels)
    np.testing.assert_array_equal(shown["c"][mislead], shown["a"][mislead])


def test_a_random_class_is_any_of_the_six() -> None:
    labels = np.zeros(MANY, dtype=np.int64)
    shown = shown_classes(labels, {"a": 1.0}, 0.5, [0])["a"]
    assert np.abs(np.bincount(shown) / MANY - 1 / 6).max() < SIX_SIGMA


def test_the_usual_data() -> None:
    data = load_data("synthetic")
    assert data.modalities == ("audio", "visual")
    assert data.classes == ("neutral", "happy", "sad", "fear", "disgust", "anger")
    assert {name: len(split) for name, split in data.splits.items()} == {
        "train": 800,
        "val": 200,
        "test": 400,
    }
    json.dumps(data.info)
    for split in data.splits.values():
        counts = split.labels.bincount()
        assert split.labels.dtype == torch.int64 and counts.max() - counts.min() <= 1
        for m in data.modalities:
            assert (
                split.inputs[m].dtype == torch.float32
                and tuple(split.inputs[m].shape[1:]) == data.shapes[m]
            )


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_one_to_six_modalities(count: int) -> None:
    data = load_data("synthetic", SMALL | {"modalities": count})
    assert data.modalities == tuple(KINDS)[:count]
    for split in data.splits.values():
        assert all(split.inputs[m].isfinite().all() for m in data.modalities)
    for m in data.modalities:
        values = data.splits["train"].inputs[m]
        assert abs(float(values.mean())) < 1e-3 and abs(float(values.std()) - 1) < 0.01


def same(first: torch.Tensor, second: torch.Tensor) -> bool:
    return torch.equal(first, second)


def test_the_seed_decides_everything() -> None:
    first, again, other = (load_data("synthetic", SMALL, seed) for seed in (5, 5, 6))
    for name, split in first.splits.items():
        for m in first.modalities:
            assert same(split.inputs[m], again.splits[name].inputs[m])
            assert not same(split.inputs[m], other.splits[name].inputs[m])
        assert same(split.labels, again.splits[name].labels)


def test_the_splits_are_different_samples() -> None:
    data = load_data("synthetic", {"train": 60, "val": 60, "test": 60})
    for one, other in itertools.combinations(data.splits.values(), 2):
        assert not same(one.labels, other.labels)
        for m in data.modalities:
            distances = torch.cdist(one.inputs[m].flatten(1), other.inputs[m].flatten(1))
            assert distances.min() > 1


def test_making_data_leaves_the_global_random_numbers_alone() -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    expected = torch.rand(3), np.random.rand(3)
    torch.manual_seed(1)
    np.random.seed(1)
    load_data("synthetic", SMALL)
    assert same(torch.rand(3), expected[0])
    np.testing.assert_array_equal(np.random.rand(3), expected[1])


@pytest.mark.parametrize("redundancy", [0.0, 0.7])
def test_adding_or_reordering_modalities_changes_none_of_the_others(redundancy: float) -> None:
    options = SMALL | {"redundancy": redundancy, "difficulty": 0.5}
    some = load_data("synthetic", options | {"modalities": ["visual", "audio"]})
    more = load_data("synthetic", options | {"modalities": 6})
    for name, split in some.splits.items():
        for m in some.modalities:
            assert same(split.inputs[m], more.splits[name].inputs[m])


def test_difficulty_and_noise_of_one_modality_leave_the_other_alone() -> None:
    plain = load_data("synthetic", SMALL)
    harder = load_data("synthetic", SMALL | {"difficulty": {"audio": 0.9}, "noise": {"audio": 2.0}})
    assert same(plain.splits["test"].inputs["visual"], harder.splits["test"].inputs["visual"])
    assert not same(plain.splits["test"].inputs["audio"], harder.splits["test"].inputs["audio"])


def test_twins_of_one_kind_are_different_drawings() -> None:
    data = load_data("synthetic", SMALL | {"modalities": {"left": "visual", "right": "visual"}})
    assert data.modalities == ("left", "right") and data.shapes["left"] == data.shapes["right"] == (
        1,
        32,
        32,
    )
    assert not same(data.splits["train"].inputs["left"], data.splits["train"].inputs["right"])


def describe(kind: str, values: np.ndarray) -> np.ndarray:
    """Return values that a nearest-neighbour rule can compare, without place and phase."""
    if kind == "audio":
        return np.abs(np.fft.fft2(values)).reshape(len(values), -1)
    if kind == "text":
        return values.sum(axis=1)
    if kind == "pulse":
        return np.abs(np.fft.rfft(values))
    return values.reshape(len(values), -1)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_shows_its_class(kind: str) -> None:
    """A nearest neighbour beats chance (1/6) for the shown classes, and not for shuffled ones."""
    rng = np.random.default_rng(0)
    shown = draw_labels(1200, rng)
    values = describe(kind, KINDS[kind].draw(shown, KINDS[kind].noise / 4, rng))
    train, test = values[:900], values[900:]
    nearest = (
        ((test[:, None] - train[None]) ** 2).sum(-1).argmin(1) if values.shape[1] < 100 else None
    )
    if nearest is None:
        nearest = ((test**2).sum(1)[:, None] - 2 * test @ train.T + (train**2).sum(1)).argmin(1)
    assert (shown[:900][nearest] == shown[900:]).mean() > 0.33
    unrelated = rng.permutation(shown)
    assert (unrelated[:900][nearest] == unrelated[900:]).mean() < 0.3


def test_faces_are_pictures_between_black_and_white() -> None:
    faces = draw_faces(np.arange(600) % 6, 0.0, np.random.default_rng(0))
    assert faces.shape == (600, 1, 32, 32) and faces.dtype == np.float32
    assert faces.min() >= 0 and faces.max() <= 1


def test_a_happy_mouth_is_lower_in_its_middle_and_a_sad_one_at_its_corners() -> None:
    """Over many faces, the middle of the mouth lies lower for one, higher for the other."""

    def height(emotion: int, columns: slice) -> float:
        faces = draw_faces(np.full(500, emotion), 0.0, np.random.default_rng(1))[:, 0]
        dark = 1 - faces.mean(0)[19:30, columns]
        dark -= dark.min()
        return float((dark.sum(1) * np.arange(11)).sum() / dark.sum())

    middle, corner = slice(14, 18), slice(9, 12)
    assert height(1, middle) > height(1, corner)
    assert height(2, middle) < height(2, corner)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"modality": 2}, ["no option 'modality'", "modalities"]),
        ({"modalities": 7}, ["modalities is 7", "1 to 6"]),
        ({"modalities": 0}, ["modalities is 0"]),
        ({"modalities": True}, ["modalities is True"]),
        ({"modalities": ["audio", "smell"]}, ["'smell'", "thermal"]),
        ({"modalities": ["audio", "audio"]}, ["each once"]),
        ({"modalities": {"nose": "smell"}}, ["'smell'"]),
        ({"modalities": {"a/b": "audio"}}, ["'a/b'", "column names"]),
        ({"modalities": {}}, ["one name or more"]),
        ({"difficulty": 1.1}, ["difficulty is 1.1", "0 to 1"]),
        ({"difficulty": {"audio": -0.1}}, ["difficulty.audio is -0.1"]),
        ({"difficulty": {"text": 0.1}}, ["'text'", "audio, visual"]),
        ({"difficulty": math.nan}, ["difficulty is nan"]),
        ({"noise": "loud"}, ["noise is 'loud'"]),
        ({"redundancy": 2}, ["redundancy is 2"]),
        ({"train": 5}, ["train is 5", "from 6"]),
        ({"test": 3.5}, ["test is 3.5"]),
        ({"normalize": 1}, ["normalize is 1", "true or false"]),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(DataError) as raised:
        load_data("synthetic", options)
    message = str(raised.value)
    assert "\n" not in message and all(word in message for word in words), message


def test_there_is_a_drawing_for_every_class() -> None:
    for kind in KINDS.values():
        assert len(kind.draw(np.arange(len(CLASSES)), 0.0, np.random.default_rng(0))) == len(
            CLASSES
        )
