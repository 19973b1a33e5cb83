"""Laws of data sets of clips: what is chosen, carved, refused and recorded."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clip_kit import CLASSES, SIZES, clip_set, make_clip, make_files, same
from hypothesis import given
from hypothesis import strategies as st

from asgml.core.data.base import DataError
from asgml.core.data.clips.clip_options import ClipOptions, workers_for
from asgml.core.data.clips.clips import Fault
from asgml.core.data.clips.validation_split import carve_val, with_val
from asgml.core.data.datasets.clip_dataset import load_clips
from asgml.core.data.loading.worker_loading import read_batches

NOWHERE = Path("/nowhere")
HERE = ClipOptions(workers=0)


def clips(labels: list[int]) -> list[object]:
    return [
        replace(make_clip(NOWHERE, f"clip-{i}", 0), label=label) for i, label in enumerate(labels)
    ]


@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.integers(0, 2**31), st.data())
def test_a_carved_val_is_a_part_of_train_in_its_proportions(
    labels: list[int], seed: int, draw: st.DataObject
) -> None:
    train = clips(labels)
    count = draw.draw(st.integers(1, len(train) - 1))
    rest, val = carve_val(train, count, seed)  # type: ignore[arg-type]
    assert len(val) == count
    assert sorted(clip.id for clip in (*rest, *val)) == sorted(clip.id for clip in train)  # type: ignore[attr-defined]
    assert [clip for clip in train if clip in rest] == list(rest)  # the order of the lists stays
    sizes, taken = Counter(labels), Counter(clip.label for clip in val)
    assert all(abs(taken[label] - count * size / len(train)) < 1 for label, size in sizes.items())
    assert carve_val(train, count, seed) == (rest, val)  # type: ignore[arg-type]


def test_a_tenth_is_carved_where_no_number_is_given_and_only_where_there_is_no_val(
    tmp_path: Path,
) -> None:
    found = clip_set(tmp_path, {"train": 40, "val": 0, "test": 5})
    carved = with_val(found, ClipOptions(), seed=1)
    assert {part: len(some) for part, some in carved.splits.items()} == {
        "train": 36,
        "val": 4,
        "test": 5,
    }
    assert carved.info["val"] == "4 of train, stratified, seed 1"
    assert len(with_val(found, ClipOptions(val=7), seed=1).splits["val"]) == 7
    assert with_val(found, ClipOptions(), 2).splits["val"] != carved.splits["val"]
    assert with_val(clip_set(tmp_path), ClipOptions(val=3), 1) == clip_set(tmp_path)


@pytest.mark.parametrize("count", [40, 41])
def test_val_cannot_be_all_of_train(tmp_path: Path, count: int) -> None:
    found = clip_set(tmp_path, {"train": 40, "val": 0, "test": 5})
    with pytest.raises(
        DataError,
        match=rf"option val is {count}, but train has 40 clips; give val as a number below that",
    ):
        with_val(found, ClipOptions(val=count), 1)


def test_samples_are_those_of_the_files_in_the_order_of_the_lists(tmp_path: Path) -> None:
    found = clip_set(make_files(tmp_path))
    data = load_clips(found, HERE)
    assert (data.modalities, data.classes, data.shapes) == (
        ("audio", "visual"),
        CLASSES,
        {"audio": (1, 5, 7), "visual": (2, 3, 4, 4)},
    )
    for part, split in data.splits.items():
        assert split.labels.tolist() == [clip.label for clip in found.splits[part]]
        assert len(split) == len(split.rows) == SIZES[part]  # type: ignore[arg-type]
        numbers = np.random.default_rng(0).permutation(len(split)).tolist()
        for m, modality in found.modalities.items():
            expected = [
                modality.decoder.decode(found.splits[part][i].sources[m], found.splits[part][i].id)
                for i in numbers
            ]
            assert torch.equal(split.rows.read(numbers)[m], torch.stack(expected))  # type: ignore[union-attr]


def test_only_the_chosen_modalities_are_decoded_in_the_order_wanted(tmp_path: Path) -> None:
    data = load_clips(clip_set(make_files(tmp_path)), ClipOptions(modalities=["visual"], workers=0))
    (tmp_path / "sound" / "val-000.bin").unlink()
    assert data.modalities == ("visual",) == tuple(data.splits["val"].views)
    assert list(data.splits["val"].rows.read([0, 1])) == ["visual"]  # type: ignore[union-attr]
    other = load_clips(clip_set(tmp_path), ClipOptions(modalities=["visual", "audio"], workers=0))
    assert other.modalities == tuple(other.shapes) == ("visual", "audio")


@pytest.mark.parametrize("wanted", [["smell"], [], ["audio", "audio"], "audio"])
def test_other_modalities_are_refused(tmp_path: Path, wanted: object) -> None:
    with pytest.raises(DataError, match="option modalities"):
        load_clips(clip_set(tmp_path), ClipOptions(modalities=wanted))  # type: ignore[arg-type]


def test_faults_are_refused_by_name_and_counted_where_allowed(tmp_path: Path) -> None:
    faults = tuple(
        Fault(f"train-9{i}", tmp_path / f"{i}.wav", "missing", "no such file") for i in range(7)
    )
    found = replace(clip_set(make_files(tmp_path)), faults=faults)
    with pytest.raises(DataError) as caught:
        load_clips(found, HERE)
    said = str(caught.value)
    assert said.startswith(
        f"7 clips of fake cannot be used: train-90: {tmp_path}/0.wav: no such file; train-91: "
    )
    assert (
        "train-94" in said
        and "train-95" not in said
        and "; and 2 more. " in said
        and "\n" not in said
    )
    assert load_clips(found, replace(HERE, allow_missing=True)).info["missing"] == 7


@pytest.mark.parametrize("part", ["train", "val", "test"])
def test_no_split_may_be_empty(tmp_path: Path, part: str) -> None:
    with pytest.raises(DataError, match=f"no {part} clip is there; see `asgml data check fake:"):
        load_clips(clip_set(tmp_path, {**SIZES, part: 0}), ClipOptions())


def test_the_record_is_small_and_json(tmp_path: Path) -> None:
    found = replace(clip_set(make_files(tmp_path)), info={"split": "published"})
    info = load_clips(found, HERE).info
    assert json.loads(json.dumps(info, allow_nan=False)) == info
    assert len(json.dumps(info)) < 1000
    assert info["counts"] == SIZES and info["class_counts"]["train"] == [8, 8, 7]
    assert (info["read from"], info["split"], info["source"]) == (
        "files",
        "published",
        str(tmp_path),
    )
    assert "cache" not in info


def test_decoding_in_processes_gives_what_decoding_here_gives(tmp_path: Path) -> None:
    split = load_clips(clip_set(make_files(tmp_path)), ClipOptions(workers=2)).splits["train"]
    assert split.rows is not None and split.rows.workers == 2
    chosen = list(torch.split(torch.randperm(23), 4))
    read = list(read_batches(split.rows, chosen, pin=False))
    assert all(
        same(part, split.rows.read(indices.tolist()))
        for part, indices in zip(read, chosen, strict=True)
    )


@pytest.mark.parametrize(
    ("asked", "cores", "expected"),
    [(0, 4, 0), (3, 4, 3), (20, 4, 20), (-1, 4, 4), (-1, 1, 1), (-1, 64, 8)],
)
def test_workers_are_one_a_core_up_to_eight_where_none_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, asked: int, cores: int, expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(cores)))
    assert workers_for(asked) == expected


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("workers", -2),
        ("workers", 1.5),
        ("workers", True),
        ("val", -1),
        ("allow_missing", 1),
        ("cache", "maybe"),
        ("cache", True),
    ],
)
def test_options_say_what_they_expect(option: str, value: object) -> None:
    with pytest.raises(DataError, match=f"^option {option} is {value!r}; expected "):
        ClipOptions(**{option: value})  # type: ignore[arg-type]
