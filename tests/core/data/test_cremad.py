"""CREMA-D: lists, labels, actors, and the folders that people keep it in."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from loader_kit import EMOTIONS, clip_names, fails, put, put_clip, put_cremad, put_lists

from asgml.core.data.base import SPLITS, load_data, split_name
from asgml.core.data.cache.identity import cache_path
from asgml.core.data.clips.clips import ClipSet
from asgml.core.data.datasets import clip_loader

PARTS = ("train", "val", "test")


def find(root: Path, seed: int = 0, **options: Any) -> ClipSet:
    return clip_loader.find(f"cremad:{root}", options, seed)


def counts(found: ClipSet) -> dict[str, int]:
    return {part: len(clips) for part, clips in found.splits.items()}


def names(found: ClipSet, part: str) -> set[str]:
    return {clip.id for clip in found.splits[part]}


def test_every_clip_has_its_label_its_actor_and_its_files(tmp_path: Path) -> None:
    everyone = put_cremad(tmp_path)
    found = find(tmp_path)
    assert sorted(clip.id for part in SPLITS for clip in found.splits[part]) == sorted(everyone)
    for part in SPLITS:
        for clip in found.splits[part]:
            assert found.classes[clip.label] == clip.id.split("_")[2]
            assert clip.group == clip.id[:4]
            assert clip.sources["audio"].paths == (tmp_path / "AudioWAV" / f"{clip.id}.wav",)
            assert [path.name for path in clip.sources["visual"].paths] == [
                "00000.jpg",
                "00029.jpg",
            ]
            assert {path.parent.name for path in clip.sources["visual"].paths} == {clip.id}
    assert found.info["listed"] == {"train": 72, "test": 36}
    assert counts(found) == {"train": 65, "val": 7, "test": 36}


def test_two_orders_of_the_classes_give_the_same_names(tmp_path: Path) -> None:
    put_cremad(tmp_path)
    ogm, abc = find(tmp_path), find(tmp_path, class_order="alphabetical")
    assert ogm.classes == ("NEU", "HAP", "SAD", "FEA", "DIS", "ANG")
    assert abc.classes == ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
    for part in SPLITS:
        for one, other in zip(ogm.splits[part], abc.splits[part], strict=True):
            assert (one.id, ogm.classes[one.label]) == (other.id, abc.classes[other.label])


def test_the_list_of_classes_gives_their_order(tmp_path: Path) -> None:
    put_cremad(tmp_path)
    put(tmp_path / "stat.csv", b"\xef\xbb\xbf" + "\r\n".join(reversed(EMOTIONS)).encode())
    assert find(tmp_path, class_list="stat.csv").classes == tuple(reversed(EMOTIONS))
    put(tmp_path / "stat.csv", b"NEU\nHAP\n")
    with fails(r"train\.csv, line \d+: class 'SAD' of clip .* is not one of NEU, HAP"):
        find(tmp_path, class_list="stat.csv")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "1001_IEO_ANG_LO,SAD",
            r"train\.csv, line 73: clip '1001_IEO_ANG_LO' .*'SAD'; expected ANG",
        ),
        (
            "1001_IEO_ANG_XX,ANG",
            r"line 73: clip '1001_IEO_ANG_XX' is there already \(.*train\.csv, line 6\)",
        ),
        (
            "1006_IEO_ANG_XX,ANG",
            r"test\.csv, line \d+: clip '1006_IEO_ANG_XX' is there already "
            r"\(.*train\.csv, line 73\)",
        ),
        (
            "1001_IEO_BOR_XX,BOR",
            r"line 73: class 'BOR' of clip '1001_IEO_BOR_XX' is not one of NEU",
        ),
        ("1001_IEO_ANG,ANG", r"line 73: '1001_IEO_ANG' is not the name of a CREMA-D clip"),
        ("../1001_IEO_ANG_LO,ANG", r"line 73: .* is not the name of a clip"),
        ("1001_IEO_ANG_LO", r"line 73: '1001_IEO_ANG_LO'; expected 2 fields"),
        ("1001_IEO_ANG_LO,ANG,3", r"line 73: .*expected 2 fields"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, line: str, says: str) -> None:
    put_cremad(tmp_path)
    with (tmp_path / "train.csv").open("a", newline="") as file:
        file.write(line + "\r\n")
    with fails(says):
        find(tmp_path)


def test_no_list_no_folder_no_files(tmp_path: Path) -> None:
    with fails(r"no list 'train\.csv': looked in .*lists.*OGM-GE"):
        find(tmp_path)
    with fails("is not there; expected the folder"):
        find(tmp_path / "gone")
    with fails("is a file; expected the folder"):
        find(put(tmp_path / "file"))
    put_lists(tmp_path, clip_names(3), clip_names(5)[-20:])
    with fails(
        "no folder with sound; looked for AudioWAV, .*VideoFlash.*"
        "option audio_folder or video_folder"
    ):
        find(tmp_path)
    (tmp_path / "AudioWAV").mkdir()
    with fails("no folder with frames; looked for Image-01-FPS, .*VideoFlash"):
        find(tmp_path)
    with fails("no folder of frames; looked for Image-03-FPS"):
        find(tmp_path, source="images", fps=3)
    with fails("option frames_folder is 'mine', but .* is not a folder"):
        find(tmp_path, frames_folder="mine")
    with fails("give their folder behind a colon, as in cremad:/data/CREMA-D"):
        load_data("cremad")
    with fails("give their folder behind a colon"):
        load_data("cremad:")


def test_lists_in_a_folder_of_their_own(tmp_path: Path) -> None:
    put_cremad(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    with fails("no list"):
        find(tmp_path)
    assert counts(find(tmp_path, lists="elsewhere")) == counts(
        find(tmp_path, lists=str(tmp_path / "elsewhere"))
    )
    (tmp_path / "elsewhere").rename(tmp_path / "lists")
    assert counts(find(tmp_path))["test"] == 36


def test_what_is_missing_or_empty_is_a_fault_and_moves_no_other_clip(tmp_path: Path) -> None:
    everyone = put_cremad(tmp_path)
    before = find(tmp_path)
    train = [clip.id for clip in before.splits["train"]]
    silent, blind, hollow, blank = train[:4]
    (tmp_path / "AudioWAV" / f"{silent}.wav").unlink()
    for image in (tmp_path / "Image-01-FPS" / blind).iterdir():
        image.unlink()
    put(tmp_path / "AudioWAV" / f"{hollow}.wav", b"")
    put(tmp_path / "Image-01-FPS" / blank / "00029.jpg", b"")
    found = find(tmp_path)
    assert {fault.clip: fault.kind for fault in found.faults} == {
        silent: "missing",
        blind: "empty",
        hollow: "empty",
        blank: "empty",
    }
    assert names(found, "train") == set(train[4:])
    assert names(found, "val") == names(before, "val") and names(found, "test") == names(
        before, "test"
    )
    assert sum(counts(found).values()) + len(found.faults) == len(everyone)
    assert found.info["listed"] == before.info["listed"]
    with fails(f"clips of cremad cannot be used: .*{silent}.*no such file.*--allow-missing"):
        load_data(f"cremad:{tmp_path}")


def test_each_folder_of_frames_has_a_cache_of_its_own(tmp_path: Path) -> None:
    """Whatever is missing; and the usual folder named is the usual folder."""
    name = put_cremad(tmp_path)[0]
    shutil.copytree(tmp_path / "Image-01-FPS", tmp_path / "mouths")
    usual, other = cache_path(find(tmp_path)), cache_path(find(tmp_path, frames_folder="mouths"))
    assert usual != other and usual.parent == other.parent
    assert cache_path(find(tmp_path, frames_folder="Image-01-FPS")) == usual
    (tmp_path / "AudioWAV" / f"{name}.wav").unlink()
    assert cache_path(find(tmp_path)) == usual


def test_a_clip_with_two_faults_counts_once_and_tells_both(tmp_path: Path) -> None:
    name = put_cremad(tmp_path)[0]
    (tmp_path / "AudioWAV" / f"{name}.wav").unlink()
    put(tmp_path / "Image-01-FPS" / name / "00000.jpg", b"")
    faults = find(tmp_path).faults
    assert len(faults) == 1
    assert (
        "no such file" in faults[0].reason and "00000.jpg: the file has 0 bytes" in faults[0].reason
    )


def test_a_modality_that_is_not_asked_for_is_not_looked_for(tmp_path: Path) -> None:
    everyone = put_cremad(tmp_path)
    for name in everyone:
        (tmp_path / "AudioWAV" / f"{name}.wav").unlink()
    (tmp_path / "AudioWAV").rmdir()
    found = find(tmp_path, modalities=["visual"])
    assert not found.faults and list(found.modalities) == ["visual"]
    assert all(set(clip.sources) == {"visual"} for clip in found.splits["train"])
    with fails("option modalities has 'text'"):
        find(tmp_path, modalities=["text"])


@pytest.mark.parametrize("stem", ["1040_ITH_SAD_XX", "1040_ITH_SAD_X"])
def test_the_one_file_that_lacked_a_letter(tmp_path: Path, stem: str) -> None:
    everyone = put_cremad(tmp_path)
    put_lists(tmp_path, [*everyone[:40], "1040_ITH_SAD_XX"], everyone[40:])
    put(tmp_path / "AudioWAV" / f"{stem}.wav")
    put(tmp_path / "Image-01-FPS" / "1040_ITH_SAD_XX" / "00000.jpg")
    found = find(tmp_path)
    (clip,) = [clip for part in SPLITS for clip in found.splits[part] if clip.id.startswith("1040")]
    assert (
        not found.faults
        and clip.id == "1040_ITH_SAD_XX"
        and clip.sources["audio"].paths[0].stem == stem
    )


def test_a_pointer_of_git_lfs_is_not_a_recording(tmp_path: Path) -> None:
    name = put_cremad(tmp_path)[0]
    put(
        tmp_path / "AudioWAV" / f"{name}.wav",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    )
    (fault,) = find(tmp_path).faults
    assert (fault.clip, fault.kind) == (name, "missing") and "git lfs pull" in fault.reason


def test_the_folder_of_frames_follows_the_frames_a_second(tmp_path: Path) -> None:
    everyone = put_cremad(tmp_path)
    for name in everyone:
        put_clip(tmp_path, name, images=7, frames="Image-03-FPS")
    assert {len(clip.sources["visual"].paths) for clip in find(tmp_path).splits["test"]} == {2}
    three = find(tmp_path, fps=3, frames=3)
    assert {len(clip.sources["visual"].paths) for clip in three.splits["test"]} == {7}
    assert three.modalities["visual"].shape == (3, 3, 224, 224)
    with fails("holds 1 images a second by its name, but option fps is 3; set fps=1"):
        find(tmp_path, fps=3, frames_folder="Image-01-FPS")


@pytest.mark.parametrize(("folder", "suffix"), [("VideoFlash", ".flv"), ("Video", ".mp4")])
def test_videos_stand_in_for_sound_and_frames(tmp_path: Path, folder: str, suffix: str) -> None:
    everyone = put_cremad(tmp_path)
    for name in everyone:
        put(tmp_path / folder / (name + suffix))
    with_both = find(tmp_path).splits["test"][0]
    assert with_both.sources["visual"].paths[0].suffix == ".jpg"
    from_video = find(tmp_path, source="video").splits["test"][0]
    assert from_video.sources["visual"].paths == (tmp_path / folder / (from_video.id + suffix),)
    assert from_video.sources["audio"].paths[0].suffix == ".wav"
    (tmp_path / "AudioWAV").rename(tmp_path / "away")
    assert find(tmp_path).splits["test"][0].sources["audio"].paths[0].suffix == suffix


def test_actors_are_in_one_part_and_each_is_tested_once(tmp_path: Path) -> None:
    everyone = put_cremad(tmp_path, actors=9)
    tested: Counter[str] = Counter()
    for fold in range(3):
        found = find(tmp_path, split="actors", folds=3, fold=fold)
        of = {part: {clip.group for clip in found.splits[part]} for part in PARTS}
        assert not (of["train"] & of["val"] or of["train"] & of["test"] or of["val"] & of["test"])
        assert set().union(*(names(found, part) for part in PARTS)) == set(everyone)
        assert found.info["groups_shared"] == found.info["groups_shared_val"] == 0
        assert not found.published
        tested += Counter(of["test"])
    assert tested == Counter({f"{1001 + actor}": 1 for actor in range(9)})
    assert names(find(tmp_path, split="actors"), "test") == names(
        find(tmp_path, split="actors"), "test"
    )
    assert any(
        names(find(tmp_path, split="actors"), "test")
        != names(find(tmp_path, seed, split="actors"), "test")
        for seed in (1, 2, 3)
    )


def test_the_published_split_shares_actors_and_says_so(tmp_path: Path) -> None:
    everyone = clip_names(5)
    put_lists(tmp_path, everyone[::2], everyone[1::2])
    for name in everyone:
        put_clip(tmp_path, name)
    assert find(tmp_path).info["groups_shared"] == 5


def test_other_clips_in_the_same_layout(tmp_path: Path) -> None:
    for part, rows in (
        ("a", ["x1,red", "x2,blue", "x3,red", "x4,blue"] * 1),
        ("b", ["y1,blue", "y2,red"]),
    ):
        put(tmp_path / f"{part}.csv", "\n".join(rows).encode())
        for row in rows:
            put_clip(tmp_path, row.partition(",")[0], frames="frames-of-mine")
    lists = {"train_list": "a.csv", "test_list": "b.csv", "frames_folder": "frames-of-mine"}
    found = find(tmp_path, val=2, **lists)
    assert found.classes == ("blue", "red") and not found.published
    assert counts(found) == {"train": 2, "val": 2, "test": 2}
    assert {clip.group for clip in found.splits["train"]} == {""}
    with fails('split is "actors", but the clips are not named as in CREMA-D'):
        find(tmp_path, split="actors", **lists)
    put(tmp_path / "b.csv", b"y1,green")
    with fails(r"b\.csv, line 1: class 'green' of clip 'y1' is not one of blue, red"):
        find(tmp_path, **lists)


def test_a_validation_list(tmp_path: Path) -> None:
    put_cremad(tmp_path)
    lines = (tmp_path / "train.csv").read_text().splitlines()
    put(tmp_path / "val.csv", "\n".join(lines[:10]).encode())
    put(tmp_path / "train.csv", "\n".join(lines[10:]).encode())
    found = find(tmp_path, val_list="val.csv")
    assert counts(found) == {"train": 62, "val": 10, "test": 36}
    assert found.info["val"] == "from the lists"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"choice": "last"}, "option choice is 'last'; expected one of uniform"),
        ({"audio": "mel"}, "option audio is 'mel'"),
        (
            {"class_order": "mine"},
            "option class_order is 'mine'; expected one of ogm, alphabetical",
        ),
        ({"frames": 0}, "option frames is 0"),
        ({"fold": 3}, "option fold is 3; expected a whole number from 0 to 2"),
        ({"crop": 8}, "option crop is 8; expected a whole number from 16"),
        ({"frame_size": [240]}, r"option frame_size is \[240\]"),
        ({"frame_size": 240}, "option frame_size is 240; expected two numbers"),
        ({"frame_size": [240, "a"]}, "option frame_size is 'a'"),
        ({"seconds": float("nan")}, "option seconds is nan"),
        ({"train_list": None}, "option train_list is None"),
        ({"frames_folder": 3}, "option frames_folder is 3"),
        ({"lists": ""}, "option lists is ''"),
        ({"colour": "red"}, "no option 'colour'; there are .*train_list"),
    ],
)
def test_options_are_checked(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    put_cremad(tmp_path)
    with fails(says):
        find(tmp_path, **options)
    with fails(says):
        load_data(f"cremad:{tmp_path}", options)


def published_lines(shared_data: Path, part: str) -> list[tuple[str, str]]:
    """Read plainly, beside the reader under test."""
    text = (shared_data / "cremad_csv" / f"{part}.csv").read_bytes().decode()
    return [(line.split(",")[0], line.split(",")[1]) for line in text.split("\r\n") if line]


def test_the_published_lists(shared_data: Path, tmp_path: Path) -> None:
    for folder in ("AudioWAV", "Image-01-FPS"):
        (tmp_path / folder).mkdir()
    lines = {part: published_lines(shared_data, part) for part in ("train", "test")}
    for name, _ in (*lines["train"], *lines["test"]):
        (tmp_path / "AudioWAV" / f"{name}.wav").write_bytes(b"x")
    found = find(tmp_path, lists=str(shared_data / "cremad_csv"), modalities=["audio"])
    assert found.info["listed"] == dict(found.published) == {"train": 6698, "test": 744}
    assert counts(found) == {"train": 5954, "val": 744, "test": 744}
    given = dict((*lines["train"], *lines["test"]))
    assert len(given) == 7442 and names(found, "train") | names(found, "val") == {
        name for name, _ in lines["train"]
    }
    assert all(
        found.classes[clip.label] == given[clip.id] for part in PARTS for clip in found.splits[part]
    )
    test = Counter(found.classes[clip.label] for clip in found.splits["test"])
    train = Counter(
        found.classes[clip.label] for part in ("train", "val") for clip in found.splits[part]
    )
    assert test == Counter(SAD=140, FEA=133, DIS=129, HAP=123, NEU=114, ANG=105)
    assert train == Counter(ANG=1166, HAP=1148, DIS=1142, FEA=1138, SAD=1131, NEU=973)
    assert found.info["groups_shared"] == 91
    val = Counter(found.classes[clip.label] for clip in found.splits["val"])
    assert all(abs(val[name] - train[name] * 744 / 6698) < 1 for name in train)


def test_words_spoken_on_real_recordings(shared_data: Path) -> None:
    lists = {
        "train_list": "colour_train.csv",
        "test_list": "colour_test.csv",
        "frames_folder": "Image-colour",
        "workers": 0,
    }
    data = load_data(f"cremad:{shared_data / 'grid_files'}", lists)
    assert data.classes == ("blue", "green", "red", "white")
    assert (
        data.info["counts"] == {"train": 216, "val": 24, "test": 60} and data.info["missing"] == 0
    )
    split = data.splits["test"]
    assert split.rows is not None
    batch = split.rows.read([0, 59])
    for modality, view in split.views.items():
        seen = view(batch[modality], None)
        assert (
            tuple(seen.shape) == (2, *data.shapes[modality])
            and seen.dtype == torch.float32
            and bool(seen.isfinite().all())
        )


def test_the_name_is_known() -> None:
    assert split_name("cremad:/a:b") == ("cremad", "/a:b")
