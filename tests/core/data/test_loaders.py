"""AVE, Kinetics-Sounds, VGGSound: lists, clips that are a part of a file, recognised layouts."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loader_kit import fails, put, put_cremad

from asgml.core.data.base import SPLITS, load_data
from asgml.core.data.clips.clips import Clip, ClipSet
from asgml.core.data.datasets.clip_loader import find
from asgml.core.data.datasets.detect import detect

Rows = list[str]


def every(found: ClipSet) -> dict[str, Clip]:
    return {clip.id: clip for part in SPLITS for clip in found.splits[part]}


def counts(found: ClipSet) -> dict[str, int]:
    return {part: len(clips) for part, clips in found.splits.items()}


def put_ave(root: Path, train: Rows, val: Rows, test: Rows, images: int = 10) -> None:
    for part, rows in (("train", train), ("val", val), ("test", test)):
        put(root / f"{part}Set.txt", "\n".join(rows).encode())
        for video in {row.split("&")[1] for row in rows}:
            put(root / "AVE" / f"{video}.mp4")
            put(root / "audio" / f"{video}.wav")
            for number in range(images):
                put(root / "visual" / video / f"frame_{number + 1:05d}.jpg")


BELL = (
    ["Church bell&b1&good&0&10", "Bark, loud&k1&good&3&7", "Bark, loud&k2&good&7&10"],
    ["Church bell&b2&good&2&4"],
    ["Bark, loud&k3&good&0&1"],
)


def test_ave_classifies_the_event(tmp_path: Path) -> None:
    put_ave(tmp_path, *BELL)
    found = find(f"ave:{tmp_path}", {}, 0)
    clips = every(found)
    assert found.classes == ("Bark, loud", "Church bell") and counts(found) == {
        "train": 3,
        "val": 1,
        "test": 1,
    }
    assert (
        found.published == {"train": 3339, "val": 402, "test": 402}
        and "2 classes" in found.info["warnings"][0]
    )
    for row in (*BELL[0], *BELL[1], *BELL[2]):
        label, video, _, start, end = row.split("&")
        clip = clips[video]
        assert found.classes[clip.label] == label
        assert (clip.sources["audio"].start, clip.sources["audio"].seconds) == (
            float(start),
            float(end) - float(start),
        )
        seconds = range(int(start), int(end))
        assert [path.name for path in clip.sources["visual"].paths] == [
            f"frame_{second + 1:05d}.jpg" for second in seconds
        ]


def test_ave_whole_videos(tmp_path: Path) -> None:
    put_ave(tmp_path, *BELL)
    for clip in every(find(f"ave:{tmp_path}", {"segment": "whole"}, 0)).values():
        assert (clip.sources["audio"].start, clip.sources["audio"].seconds) == (0.0, None)
        assert len(clip.sources["visual"].paths) == 10


def test_ave_from_videos_alone(tmp_path: Path) -> None:
    put_ave(tmp_path, *BELL)
    (tmp_path / "audio").rename(tmp_path / "away")
    found = every(find(f"ave:{tmp_path}", {"source": "video"}, 0))
    for modality in ("audio", "visual"):
        source = found["k1"].sources[modality]
        assert (source.paths, source.start, source.seconds) == (
            (tmp_path / "AVE" / "k1.mp4",),
            3.0,
            4.0,
        )


@pytest.mark.parametrize("fps", [1, 3])
def test_ave_frames_of_an_event_at_any_rate(tmp_path: Path, fps: int) -> None:
    put_ave(tmp_path, *BELL, images=0)
    for row in (*BELL[0], *BELL[1], *BELL[2]):
        for number in range(10 * fps):
            put(
                tmp_path
                / f"Image-{fps:02d}-FPS"
                / row.split("&")[1]
                / f"{number * 30 // fps:05d}.jpg"
            )
    for clip in every(find(f"ave:{tmp_path}", {"fps": fps}, 0)).values():
        start, seconds = clip.sources["audio"].start, clip.sources["audio"].seconds
        assert seconds is not None
        numbers = [int(path.stem) for path in clip.sources["visual"].paths]
        assert [number / 30 for number in numbers] == [
            number * 30 // fps / 30
            for number in range(10 * fps)
            if start <= number / fps < start + seconds
        ]


def test_ave_frames_whose_numbers_have_no_zeros_before_them(tmp_path: Path) -> None:
    put_ave(tmp_path, *BELL, images=0)
    for row in (*BELL[0], *BELL[1], *BELL[2]):
        for second in range(12):
            put(tmp_path / "visual" / row.split("&")[1] / f"frame_{second}_{second * 30}.jpg")
    for clip in every(find(f"ave:{tmp_path}", {"segment": "whole"}, 0)).values():
        assert [path.name for path in clip.sources["visual"].paths] == [
            f"frame_{second}_{second * 30}.jpg" for second in range(12)
        ]


def test_ave_frames_that_were_cut_to_the_event(tmp_path: Path) -> None:
    put_ave(tmp_path, *BELL, images=3)
    (tmp_path / "visual").rename(tmp_path / "Image-01-FPS-SE")
    assert {
        len(clip.sources["visual"].paths) for clip in every(find(f"ave:{tmp_path}", {}, 0)).values()
    } == {3}
    (tmp_path / "Image-01-FPS-SE").rename(tmp_path / "visual")
    faults = {fault.clip: fault for fault in find(f"ave:{tmp_path}", {}, 0).faults}
    assert {name: fault.kind for name, fault in faults.items()} == {"k1": "short", "k2": "short"}
    assert faults["k2"].reason == "3 images, 1 a second, but the clip begins at second 7"


def test_ave_a_video_of_two_classes_is_two_clips(tmp_path: Path) -> None:
    put_ave(
        tmp_path,
        [*BELL[0], "Church bell&k1&good&3&7"],
        BELL[1],
        [*BELL[2], "Church bell&k2&good&7&10"],
    )
    found = find(f"ave:{tmp_path}", {}, 0)
    clips = every(found)
    assert {name: found.classes[clip.label] for name, clip in clips.items() if "k1" in name} == {
        "k1 (Bark, loud)": "Bark, loud",
        "k1 (Church bell)": "Church bell",
    }
    assert clips["k1 (Church bell)"].sources == clips["k1 (Bark, loud)"].sources
    assert found.info["groups_shared"] == 1  # k2 is in train and in test, under another class
    put_ave(tmp_path, [*BELL[0], BELL[0][1]], BELL[1], BELL[2])
    with fails(r"trainSet\.txt, line 4: clip 'k1 \(Bark, loud\)' is there already \(.*line 2\)"):
        find(f"ave:{tmp_path}", {}, 0)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            "Bark, loud&x&good&5&4",
            r"trainSet\.txt, line 4: the event of 'x' ends at 4 s, before it starts at 5 s",
        ),
        ("Bark, loud&x&good&a&4", r"line 4: the start is 'a'; expected seconds"),
        ("Bark, loud&x&good&0", r"line 4: .*expected 5 fields with '&' between them"),
        ("Bark, loud&../x&good&0&4", r"line 4: '\.\./x' is not the name of a clip"),
    ],
)
def test_ave_a_wrong_row_is_named(tmp_path: Path, row: str, says: str) -> None:
    put_ave(tmp_path, *BELL)
    put(tmp_path / "trainSet.txt", "\n".join([*BELL[0], row]).encode())
    with fails(says):
        find(f"ave:{tmp_path}", {}, 0)


def test_ave_an_event_without_length_is_the_whole_video(tmp_path: Path) -> None:
    put_ave(tmp_path, [*BELL[0], "Church bell&VWi2ENBuTbw&good&0&0"], BELL[1], BELL[2])
    clip = every(find(f"ave:{tmp_path}", {}, 0))["VWi2ENBuTbw"]
    assert clip.sources["audio"].seconds is None and len(clip.sources["visual"].paths) == 10


def test_ave_as_published(shared_data: Path, tmp_path: Path) -> None:
    lists = shared_data / "lists" / "ave"
    rows = {
        part: [line.split("&") for line in (lists / f"{part}Set.txt").read_text().splitlines()]
        for part in SPLITS
    }
    for row in (row for part in SPLITS for row in rows[part]):
        put(tmp_path / "audio" / f"{row[1]}.wav")
    found = find(f"ave:{tmp_path}", {"lists": str(lists), "modalities": ["audio"]}, 0)
    assert counts(found) == dict(found.published) == found.info["listed"]
    assert len(found.classes) == 28 and not found.info["warnings"] and not found.faults
    assert len(every(found)) == 4143
    for part in SPLITS:
        assert [found.classes[clip.label] for clip in found.splits[part]] == [
            row[0] for row in rows[part]
        ]
    videos = {part: {row[1] for row in rows[part]} for part in SPLITS}
    assert found.info["groups_shared"] == len(videos["train"] & videos["test"]) == 8


def put_ks(root: Path, train: Rows, test: Rows) -> None:
    put(root / "my_train.txt", "\r\n".join(train).encode())
    put(root / "my_test.txt", "\r\n".join(test).encode())


TRAIN = [f"{'abcdefghij' + str(i)}_0000{10 + i}_0000{20 + i},10,{i % 3}" for i in range(9)]
TEST = ["zbcdefghij0_2,10,0", "zbcdefghij1_137,10,2"]


def put_ks_files(root: Path, names: Rows) -> None:
    for name in names:
        put(root / "audio" / f"{name}.wav")
        for number in range(1, 11):
            put(root / "visual" / name / f"frame_{number:05d}.jpg")


@pytest.mark.parametrize("padded", [False, True])
def test_kinetics_sounds_under_either_name(tmp_path: Path, padded: bool) -> None:
    put_ks(tmp_path, TRAIN, TEST)
    tested = (
        ["zbcdefghij0_000002_000012", "zbcdefghij1_000137_000147"]
        if padded
        else ["zbcdefghij0_2", "zbcdefghij1_137"]
    )
    put_ks_files(tmp_path, [*(row.partition(",")[0] for row in TRAIN), *tested])
    found = find(f"ks:{tmp_path}", {}, 0)
    assert not found.faults and counts(found) == {"train": 8, "val": 1, "test": 2}
    assert found.classes == tuple(map(str, range(31))) and found.published == {
        "train": 14799,
        "test": 2597,
    }
    clip = every(found)["zbcdefghij1_137"]
    assert (
        clip.label == 2
        and clip.sources["audio"].paths[0].stem == tested[1]
        and len(clip.sources["visual"].paths) == 10
    )


def test_kinetics_sounds_classes(tmp_path: Path) -> None:
    put_ks(tmp_path, TRAIN, TEST)
    put_ks_files(tmp_path, [row.partition(",")[0] for row in (*TRAIN, *TEST)])
    put(tmp_path / "names.txt", "\n".join(f"action {number}" for number in range(31)).encode())
    found = find(f"ks:{tmp_path}", {"class_list": "names.txt"}, 0)
    assert found.classes[every(found)["zbcdefghij1_137"].label] == "action 2"
    put(tmp_path / "names.txt", b"one\ntwo")
    with fails(r"names\.txt: 2 names; expected 31"):
        find(f"ks:{tmp_path}", {"class_list": "names.txt"}, 0)
    put_ks(tmp_path, [*TRAIN, "x,10,31"], TEST)
    with fails(r"my_train\.txt, line 10: class '31' of clip 'x' is not one of 0, 1"):
        find(f"ks:{tmp_path}", {}, 0)


def test_kinetics_sounds_in_folders_of_parts_and_classes(tmp_path: Path) -> None:
    put_ks(tmp_path, TRAIN, TEST)
    for row in (*TRAIN, *TEST):
        name, _, label = row.split(",")
        put(tmp_path / "audio" / "train" / label / f"{name}.wav")
        put(tmp_path / "visual" / "train_img" / "Image-01-FPS" / label / name / "00000.jpg")
    assert not find(f"ks:{tmp_path}", {}, 0).faults
    put(tmp_path / "audio" / "test" / "zbcdefghij0_2.wav")
    with fails(r"'zbcdefghij0_2\.wav' is in .*test and in .*train"):
        find(f"ks:{tmp_path}", {}, 0)


def test_kinetics_sounds_with_sound_and_frames_in_one_folder(tmp_path: Path) -> None:
    put_ks(tmp_path, TRAIN, TEST)
    for part, rows in (("train", TRAIN), ("test", TEST)):
        for name in (row.partition(",")[0] for row in rows):
            put(tmp_path / part / name / f"{name}.wav")
            put(tmp_path / part / name / "frame_00001.jpg")
    assert not find(f"ks:{tmp_path}", {"audio_folder": ".", "frames_folder": "."}, 0).faults


def test_kinetics_sounds_as_published(shared_data: Path, tmp_path: Path) -> None:
    lists = shared_data / "lists" / "kinetics_sound_ogm_ge"
    names = [
        line.split(",")[0]
        for part in ("train", "test")
        for line in (lists / f"my_{part}.txt").read_text().split()
    ]
    (tmp_path / "audio").mkdir()
    for name in names[::2]:
        (tmp_path / "audio" / f"{name}.wav").write_bytes(b"x")
    found = find(f"ks:{tmp_path}", {"lists": str(lists), "modalities": ["audio"]}, 0)
    assert found.info["listed"] == dict(found.published)
    assert sum(counts(found).values()) == len(names[::2]) and len(found.faults) == len(names[1::2])
    assert found.info["groups_shared"] == 0


VGG = [
    "a1,30,dog barking,train",
    'a2,0,"speech, kid",train',
    "a3,5,dog barking,train",
    'a4,7,"speech, kid",train',
    "a5,110,dog barking,test",
]


def put_vgg(root: Path, name: Callable[[str, int], str], rows: Rows = VGG) -> None:
    put(root / "vggsound.csv", "\n".join(rows).encode())
    for row in rows:
        put(root / "video" / f"{name(row.split(',')[0], int(row.split(',')[1]))}.mp4")


@pytest.mark.parametrize(
    "style",
    [
        lambda v, s: f"{v}_{s:06d}",
        lambda v, s: f"{v}_{s}",
        lambda v, s: f"{v}_{s * 1000}_{s * 1000 + 10000}",
    ],
)
def test_vggsound_clips_by_id_and_start(tmp_path: Path, style: Callable[[str, int], str]) -> None:
    put_vgg(tmp_path, style)
    found = find(f"vggsound:{tmp_path}", {"val": 2}, 0)
    assert found.classes == ("dog barking", "speech, kid") and counts(found) == {
        "train": 2,
        "val": 2,
        "test": 1,
    }
    source = every(found)["a5_000110"].sources["audio"]
    assert (source.paths[0].name, source.start, source.seconds) == (
        f"{style('a5', 110)}.mp4",
        0.0,
        None,
    )
    assert "2 classes; VGGSound has 309" in found.info["warnings"][0]


def test_vggsound_whole_videos(tmp_path: Path) -> None:
    put_vgg(tmp_path, lambda video, start: video)
    assert (
        len(find(f"vggsound:{tmp_path}", {"val": 2}, 0).faults) == 5
    )  # what a file named so holds, nobody can tell
    found = find(f"vggsound:{tmp_path}", {"val": 2, "whole_videos": True}, 0)
    source = every(found)["a5_000110"].sources["visual"]
    assert (source.start, source.seconds) == (110.0, 10.0) and not found.faults


def test_vggsound_frames_in_folders_that_keep_the_suffix(tmp_path: Path) -> None:
    put_vgg(tmp_path, lambda video, start: f"{video}_{start:06d}")
    for row in VGG:
        put(
            tmp_path
            / "Image-01-FPS"
            / f"{row.split(',')[0]}_{int(row.split(',')[1]):06d}.mp4"
            / "00000.jpg"
        )
    found = find(f"vggsound:{tmp_path}", {"val": 2}, 0)
    assert not found.faults and found.splits["test"][0].sources["visual"].paths[0].suffix == ".jpg"


def test_vggsound_rows(tmp_path: Path) -> None:
    put_vgg(tmp_path, lambda video, start: f"{video}_{start:06d}")
    put(
        tmp_path / "vggsound.csv",
        "\n".join(["YouTube ID,start seconds,label,train/test split", *VGG]).encode(),
    )
    assert sum(counts(find(f"vggsound:{tmp_path}", {"val": 2}, 0)).values()) == 5
    put(tmp_path / "vggsound.csv", "\n".join([*VGG, "a6,1,dog barking,dev"]).encode())
    with fails(r"vggsound\.csv, line 6: split is 'dev'; expected one of train, val, test"):
        find(f"vggsound:{tmp_path}", {"val": 2}, 0)
    put(tmp_path / "vggsound.csv", "\n".join([*VGG, "a6,1,cat,test"]).encode())
    with fails(r"line 6: class 'cat' of clip 'a6_000001' is not one of dog barking"):
        find(f"vggsound:{tmp_path}", {"val": 2}, 0)
    put(tmp_path / "vggsound.csv", "\n".join(VGG[:4]).encode())
    with fails(r"vggsound\.csv: no line whose split is test"):
        find(f"vggsound:{tmp_path}", {"val": 2}, 0)
    put(tmp_path / "vggsound.csv", "\n".join([*VGG, VGG[0]]).encode())
    with fails(r"line 6: clip 'a1_000030' is there already"):
        find(f"vggsound:{tmp_path}", {"val": 2}, 0)


@pytest.mark.parametrize("name", ["ave", "ks", "vggsound"])
def test_nothing_where_the_data_should_be(tmp_path: Path, name: str) -> None:
    with fails(f"give their folder behind a colon, as in {name}:/data"):
        load_data(name)
    with fails("is not there; expected the folder"):
        load_data(f"{name}:{tmp_path / 'gone'}")
    with fails(r"no list .*: looked in .*option lists"):
        load_data(f"{name}:{tmp_path}")
    with fails("no option 'colour'"):
        load_data(f"{name}:{tmp_path}", {"colour": 1})


def test_shapes_of_each_data_set(tmp_path: Path) -> None:
    put_ave(tmp_path, *BELL)
    put_vgg(tmp_path, lambda video, start: f"{video}_{start:06d}")
    seen: dict[str, dict[str, Any]] = {}
    for name in ("ave", "vggsound"):
        found = find(f"{name}:{tmp_path}", {"source": "video", "val": 2}, 0)
        seen[name] = {m: modality.shape for m, modality in found.modalities.items()}
    frames = 1 + math.floor(10 * 22050 / 353)
    assert seen["ave"] == {"audio": (1, 257, frames), "visual": (3, 3, 224, 224)}
    assert seen["vggsound"]["audio"][:2] == (1, 129)


def touch(root: Path, *names: str) -> Path:
    for name in names:
        put(root / name)
    return root


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("AudioWAV/a.wav", "Image-01-FPS/a/0.jpg"), "cremad"),
        (("VideoFlash/a.flv",), "cremad"),
        (("Image-03-FPS/a/0.jpg", "train.csv"), "cremad"),
        (("trainSet.txt", "testSet.txt", "AVE/a.mp4"), "ave"),
        (("lists/trainSet.txt", "lists/testSet.txt", "AVE/a.mp4"), "ave"),
        (("my_train.txt", "my_test.txt"), "ks"),
        (("data/vggsound.csv", "video/a.mp4"), "vggsound"),
        (("mosei_senti_data.pkl",), "mosei"),
        (("mosi_data.pkl",), "mosi"),
        (("MOSEI/Processed/aligned_50.pkl",), None),
        (("image/train_data.npy", "audio/train_data.npy"), "avmnist"),
        (("a.wav", "train.csv"), None),
        (("zarr.json", "audio/zarr.json"), None),
        ((), None),
    ],
)
def test_a_layout_is_known_by_its_names(
    tmp_path: Path, names: tuple[str, ...], expected: str | None
) -> None:
    assert detect(touch(tmp_path, *names)) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("mosi_raw.pkl", "mosi"),
        ("x/mosei_raw.pkl", "mosei"),
        ("MOSEI/Processed/aligned_50.pkl", "mosei"),
        ("MOSI/unaligned_50.pkl", "mosi"),
        ("x/aligned_50.pkl", None),
        ("mine.npz", None),
        ("cremad/train.csv", None),
    ],
)
def test_a_file_is_known_by_its_name(tmp_path: Path, path: str, expected: str | None) -> None:
    file = put(tmp_path / path)
    assert detect(file) == expected
    if path.startswith("MOS"):
        assert detect(tmp_path / path.split("/")[0]) == expected


def test_what_is_detected_can_be_found(tmp_path: Path) -> None:
    put_cremad(tmp_path / "c")
    put_ave(tmp_path / "a", *BELL)
    assert (detect(tmp_path / "c"), detect(tmp_path / "a")) == ("cremad", "ave")
    assert detect(tmp_path / "gone") is None
