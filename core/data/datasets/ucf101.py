"""UCF-101: 13 320 videos of 101 actions, seen in frames (rgb) and in the optical flow between them.

Soomro, Zamir, Shah: UCF101: A Dataset of 101 Human Actions Classes From Videos in The Wild, CRCV-TR-12-01, 2012.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgml.core.data.base import DataError, Dataset
from asgml.core.data.clip_dataset import load_clips
from asgml.core.data.clips import ClipSet, Modality
from asgml.core.data.datasets.assemble import divide, with_files
from asgml.core.data.datasets.audiovisual import check_root, root_of
from asgml.core.data.datasets.flow_folders import find_flow
from asgml.core.data.datasets.frame_options import FrameOptions, check_path
from asgml.core.data.datasets.layout import Place
from asgml.core.data.datasets.lists import (
    Entry,
    Row,
    check_name,
    find_list,
    is_plain,
    read_text,
    refuse_repeats,
    refuse_strange_labels,
)
from asgml.core.data.datasets.media_dirs import DefaultDirs, find_frames
from asgml.core.data.media.flow_decoder import flow_modality
from asgml.core.data.media.frame_decoder import frame_modality
from asgml.core.data.options import check_names, check_whole, read_options

PUBLISHED_SPLITS = {
    1: {"train": 9537, "test": 3783},
    2: {"train": 9586, "test": 3734},
    3: {"train": 9624, "test": 3696},
}
PUBLISHED = PUBLISHED_SPLITS[1]
CLASSES = 101
MODALITIES = ["rgb", "flow"]
USUAL = DefaultDirs(
    audio=(),
    frames=(
        "jpegs_256",
        "ucf101_jpegs_256/jpegs_256",
        "Image-{fps:02d}-FPS",
        "ucf101-frames-{fps}fps/video-set",
        "rgb",
        "frames",
        "rawframes",
    ),
    video=("UCF-101", "UCF101", "ucf101", "videos", "video"),
)
LISTS = (
    "ucfTrainTestlist",
    "UCF101TrainTestSplits-RecognitionTask",
    "annotations",
    "lists",
    "splits",
    "data",
)
ADVICE = "it comes with UCF101TrainTestSplits-RecognitionTask.zip of the authors"
CLIP = re.compile(r"(v_[A-Za-z]+_g[0-9]{2})_c[0-9]{2}")
SPELLED = (
    "HandStand",
    "Handstand",
)  # in the names of the videos, and in those of the frames and flow of the public archives


@dataclass(frozen=True)
class Ucf101Options(FrameOptions):
    """Options of UCF-101 beside those of all frames. LAYOUTS.md explains them.

    `split_number`: which of the three published splits. `frames` are moments, the same for rgb and flow; `fps` 30 is every frame.
    """

    fps: int = 30
    split_number: int = 1
    flow_folder: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("split_number", self.split_number, 1, 3)
        check_path("flow_folder", self.flow_folder)
        if self.modalities is not None:
            check_names("modalities", self.modalities, MODALITIES)


def load(spec: str, options: Mapping[str, Any], seed: int) -> Dataset:
    """UCF-101 in the folder behind the colon of `spec`. Raises DataError."""
    chosen = read_options(Ucf101Options, options, spec)
    return load_clips(find_clips(root_of(spec, "/data/ucf101"), chosen, seed), chosen)


def find(root: Path, options: Mapping[str, Any], seed: int) -> ClipSet:
    """The clips of the lists, each with its files, nothing decoded. Raises DataError."""
    return find_clips(root, read_options(Ucf101Options, options, f"ucf101:{root}"), seed)


def find_clips(root: Path, options: Ucf101Options, seed: int) -> ClipSet:
    root = check_root(root, "ucf101")
    classes = read_classes(find_list(root, options.lists, "classInd.txt", LISTS, ADVICE))
    names = {part: f"{part}list{options.split_number:02d}.txt" for part in ("train", "test")}
    paths = {
        part: find_list(root, options.lists, name, LISTS, ADVICE) for part, name in names.items()
    }
    parts = {
        part: [read_entry(row, classes) for row in read_lines(path, (1, 2))]
        for part, path in paths.items()
    }
    refuse_repeats(parts)
    refuse_strange_labels(parts, classes)
    warnings = [] if len(classes) == CLASSES else [f"{len(classes)} classes; UCF-101 has {CLASSES}"]
    info = {"split": f"published, {options.split_number} of 3", "warnings": warnings}
    found = ClipSet(
        "ucf101", root, classes, {}, {}, (), PUBLISHED_SPLITS[options.split_number], info
    )
    return with_files(
        divide(found, parts, options, seed), parts, find_both(root, options), build_both(options)
    )


def read_lines(path: Path, words: Sequence[int]) -> list[Row]:
    """The lines of a list that are not blank, cut at their spaces. Raises DataError where one has another number of words."""
    lines = read_text(path).splitlines()
    rows = [
        Row(tuple(line.split()), path, number)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    for row in rows:
        line = " ".join(row.fields)[:80]
        if len(row.fields) not in words or not all(is_plain(word) for word in row.fields):
            raise DataError(
                f"{row}: {line!r}; expected {' or '.join(map(str, words))} words, as in the lists of UCF-101"
            )
    if not rows:
        raise DataError(
            f"{path}: no line in it; expected one a class or video, as in the lists of UCF-101"
        )
    return rows


def read_classes(path: Path) -> tuple[str, ...]:
    """The names of the classes by their number, which is 1 for the first: lines `1 ApplyEyeMakeup`."""
    rows = read_lines(path, (2,))
    for place, row in enumerate(rows, 1):
        if row.fields[0] != str(place):
            raise DataError(
                f"{row}: class number {row.fields[0][:40]!r}; expected {place}, one class a line in the order of their numbers"
            )
        check_name(row.fields[1], row)
    names = tuple(row.fields[1] for row in rows)
    if twice := [row for row, name in zip(rows, names, strict=True) if names.count(name) > 1]:
        raise DataError(
            f"{twice[-1]}: class {twice[-1].fields[1]!r} is there twice; expected each once"
        )
    return names


def read_entry(row: Row, classes: Sequence[str]) -> Entry:
    """A line `ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1`; in the lists of test without the number of the class."""
    label, slash, file = row.fields[0].partition("/")
    if not slash:
        raise DataError(
            f"{row}: {row.fields[0][:80]!r}; expected the folder of the class, then the video, as in Archery/v_Archery_g01_c01.avi"
        )
    name = check_name(file[:-4] if file.lower().endswith(".avi") else file, row)
    if len(row.fields) > 1 and label in classes and row.fields[1] != str(classes.index(label) + 1):
        raise DataError(
            f"{row}: class number {row.fields[1][:40]!r} for {label!r}; expected {classes.index(label) + 1}, as in classInd.txt"
        )
    named = CLIP.fullmatch(name)
    return Entry(name, label, row, spellings(name), group=named[1] if named else "")


def spellings(name: str) -> tuple[str, ...]:
    """The name in the list, and as the public archives of frames and flow spell it."""
    respelled = name.replace(*SPELLED)
    return (name, respelled) if respelled != name else (name,)


def find_both(root: Path, options: Ucf101Options) -> dict[str, Place]:
    """Where each modality that was chosen lies. Flow keeps to the moments of the frames, also where it is trained on alone."""
    places: dict[str, Place] = {}
    for name in options.modalities or MODALITIES:
        rgb = name == "rgb"
        places[name] = (
            find_frames(root, options, USUAL)
            if rgb
            else find_flow(root, options.flow_folder, find_clock(root, options))
        )
    return places


def find_clock(root: Path, options: Ucf101Options) -> Place | None:
    """Where the frames lie, if they do and are not asked for."""
    asked = (
        "rgb" in (options.modalities or MODALITIES) or options.frames_folder or options.video_folder
    )
    try:
        return find_frames(root, options, USUAL)
    except DataError:
        if asked:
            raise
        return None


def build_both(options: Ucf101Options) -> dict[str, Modality]:
    """Those that were chosen, in that order."""
    builders = {"rgb": frame_modality, "flow": flow_modality}
    return {name: builders[name](*options.settings) for name in options.modalities or MODALITIES}
